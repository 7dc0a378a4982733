//! Deepgram's `listen`, which transcribes, and `speak`, which answers with sound.
//!
//! <https://developers.deepgram.com/reference/speech-to-text/listen-pre-recorded>,
//! <https://developers.deepgram.com/reference/text-to-speech/speak-request>

use std::borrow::Cow;

use crate::capture::Endpoint;
use crate::json::Json;

use crate::api::dialect::Dialect;
use crate::api::error::reported;
use crate::api::shared::members::{text, unix_seconds};
use crate::api::view::{Choice, Part, RequestView, ResponseView};

pub(crate) struct Deepgram;

impl Dialect for Deepgram {
    fn request<'j>(&self, _endpoint: &Endpoint, _body: &'j Json<'j>) -> RequestView<'j> {
        // The model is in the query; sound, its address, or a text to read is no conversation.
        RequestView::default()
    }

    fn response<'j>(&self, _endpoint: &Endpoint, body: &'j Json<'j>) -> ResponseView<'j> {
        let metadata = body.get("metadata");
        let models = metadata.get("model_info").as_object();
        let model = models.and_then(|models| models.iter().next()).map(|(_, model)| text(model.get("name")));
        // One for each channel of the sound.
        let channels = body.at(&["results", "channels"]).items().iter();
        let choices = channels.filter_map(|channel| {
            let said = channel.get("alternatives").items().first()?.get("transcript").as_str()?;
            let parts = if said.is_empty() { Vec::new() } else { vec![Part::Text(said)] };
            Some(Choice { finish_reason: Cow::Borrowed(""), parts })
        });
        ResponseView {
            id: metadata.get("request_id").as_str().unwrap_or_else(|| text(body.get("request_id"))),
            created: unix_seconds(metadata.get("created")),
            model: model.unwrap_or_default(),
            choices: choices.collect(),
            error: reported(body),
            ..ResponseView::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Request, detect_endpoint};
    use crate::json;

    #[test]
    fn a_transcript_is_the_answer_and_the_query_names_the_model() {
        let url = "https://api.deepgram.com/v1/listen?smart_format=true&model=nova-3";
        let endpoint = detect_endpoint(Request { method: "POST", url }).unwrap();
        assert_eq!(endpoint.path_model.as_deref(), Some("nova-3"));
        let body = r#"{"metadata":{"request_id":"r-1","created":"2024-05-12T18:57:13Z","duration":25.9,"channels":1,"models":["u-1"],"model_info":{"u-1":{"name":"general-nova-3","version":"2024-12-20.0","arch":"nova-3"}}},
            "results":{"channels":[{"alternatives":[{"transcript":"Yeah.","confidence":0.99,"words":[]}]}]}}"#;
        let body = json::parse(body).unwrap();
        let view = Deepgram.response(&endpoint, &body);
        assert_eq!((&*view.id, &*view.model), ("r-1", "general-nova-3"));
        assert_eq!(view.choices[0].parts, [Part::Text("Yeah.".into())]);
    }
}
