//! APIs that are not decoded, and those whose answers are no text: images, sound, rankings. Bodies
//! stay as they are, and only what nearly every API has in the same place is read.

use std::borrow::Cow;

use crate::capture::Endpoint;
use crate::format::Usage;
use crate::json::{Json, Object, Text};

use super::{cohere, gemini, ollama};
use crate::api::dialect::{Dialect, EventKind, Fold, Folded};
use crate::api::error::reported;
use crate::api::shared::cost::body_cost;
use crate::api::shared::delta::{append_delta, has_content};
use crate::api::shared::members::{count, present, text};
use crate::api::shared::usage as openai;
use crate::api::view::{RequestView, ResponseView};

pub(crate) struct Raw;

impl Dialect for Raw {
    fn request<'j>(&self, _endpoint: &Endpoint, body: &'j Json<'j>) -> RequestView<'j> {
        RequestView {
            model: model(body),
            stream: body.get("stream").as_bool().unwrap_or(false)
                // Speech is streamed as events only where that is asked for.
                || body.get("stream_format").as_text().is_some_and(|format| *format == *"sse"),
            temperature: present(body, "temperature"),
            max_tokens: present(body, "max_tokens"),
            tool_choice: present(body, "tool_choice"),
            messages_count: body.get("messages").items().len(),
            ..RequestView::default()
        }
    }

    fn response<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> ResponseView<'j> {
        ResponseView {
            id: body.get("id").as_str().or_else(|| operation_name(body)).unwrap_or_default(),
            object: text(body.get("object")),
            created: body.get("created").as_u64(),
            model: text(body.get("model")),
            usage: usage(endpoint, body),
            cost: body_cost(body),
            error: reported(body),
            ..ResponseView::default()
        }
    }

    fn fold<'a>(&self, endpoint: &Endpoint) -> Option<Box<dyn Fold<'a> + 'a>> {
        match &*endpoint.operation {
            "image_generation" | "transcription" | "audio_generation" => Some(Box::new(MediaFold::default())),
            _ => None,
        }
    }
}

/// Returns the model, which Google's bodies have under its resource name.
fn model<'j>(body: &'j Json<'j>) -> Option<Cow<'j, str>> {
    let name = present(body, "model").or(present(body, "model_id"))?.as_str()?;
    let is_resource = ["models/", "publishers/", "projects/"].iter().any(|start| name.starts_with(start));
    Some(match name.rsplit_once("models/") {
        Some((_, short)) if is_resource => Cow::Owned(short.to_owned()),
        _ => name,
    })
}

/// Returns the name of one of Google's operations, by which its end is asked for.
fn operation_name<'j>(body: &'j Json<'j>) -> Option<Cow<'j, str>> {
    body.get("name").as_str().filter(|name| name.contains("operations/"))
}

/// Returns the token counts, wherever an API has them.
fn usage(endpoint: &Endpoint, body: &Json<'_>) -> Option<Usage> {
    openai_usage(endpoint, body.get("usage"))
        .or_else(|| cohere::usage(body.get("meta")))
        .or_else(|| cohere::usage(body.get("usage")))
        .or_else(|| gemini::usage(body.get("usageMetadata")))
        .or_else(|| ollama::usage(body))
        .or_else(|| vertex_usage(body.get("predictions").items()))
}

/// Returns token counts in OpenAI's shape; rankings and embeddings may have a total alone.
fn openai_usage(endpoint: &Endpoint, usage: &Json<'_>) -> Option<Usage> {
    if !usage.get("billed_units").is_null() {
        return None;
    }
    let mut usage = openai::usage(endpoint, usage)?;
    if usage.prompt_tokens + usage.completion_tokens == 0 {
        usage.prompt_tokens = usage.total_tokens;
    }
    Some(usage)
}

/// Returns Vertex AI's token counts, which are those of each text that it embeds.
fn vertex_usage(predictions: &[Json<'_>]) -> Option<Usage> {
    let tokens = |prediction| count(prediction, &[&["embeddings", "statistics", "token_count"]]);
    let counted: Vec<u64> = predictions.iter().filter_map(tokens).collect();
    let prompt = counted.iter().copied().fold(0, u64::saturating_add);
    let usage = Usage { prompt_tokens: prompt, total_tokens: prompt, ..Usage::default() };
    (!counted.is_empty()).then_some(usage)
}

/// Folds the events of OpenAI's image, transcription and speech streams into one object.
///
/// <https://platform.openai.com/docs/api-reference/images-streaming>,
/// <https://platform.openai.com/docs/api-reference/audio>
#[derive(Default)]
struct MediaFold<'a> {
    object: Object<'a>,
    error: Option<Json<'a>>,
}

impl<'a> Fold<'a> for MediaFold<'a> {
    fn event(&mut self, name: &str, data: Json<'a>) -> EventKind {
        let Json::Object(mut event) = data else {
            return EventKind::Unknown;
        };
        let kind = event.remove("type");
        let event_type =
            kind.as_ref().and_then(Json::as_str).map_or_else(|| name.to_owned(), Cow::into_owned);
        let mut list = |key: &'static str, item| {
            append_delta(self.object.entry(&Text::new(key)), key, Json::Array(vec![item]));
        };
        match &*event_type {
            "transcript.text.delta" => {
                let pieces = [("text", event.remove("delta")), ("logprobs", event.remove("logprobs"))];
                for (key, piece) in pieces {
                    if let Some(piece) = piece {
                        append_delta(self.object.entry(&Text::new(key)), key, piece);
                    }
                }
                EventKind::Content
            }
            "transcript.text.segment" => {
                list("segments", Json::Object(event));
                EventKind::Content
            }
            "transcript.text.done" | "speech.audio.done" => {
                event.into_iter().for_each(|(key, value)| self.object.set_text(key, value));
                EventKind::End
            }
            // Pieces of base64, each of which is complete.
            "speech.audio.delta" => {
                list("audio", event.remove("audio").unwrap_or_default());
                EventKind::Content
            }
            // Partial images, which the finished one replaces.
            "image_generation.partial_image" | "image_edit.partial_image" => {
                list("partial_images", Json::Object(event));
                EventKind::Content
            }
            "image_generation.completed" | "image_edit.completed" => {
                let image = event.remove("b64_json").unwrap_or_default();
                list("data", Json::Object([("b64_json", image)].into_iter().collect()));
                self.object.remove("partial_images");
                for (key, value) in event {
                    match &*key.plain() {
                        "created_at" => self.object.set("created", value),
                        _ => self.object.set_text(key, value),
                    }
                }
                EventKind::LastContent
            }
            _ if event_type == "error" || event.get("error").is_some_and(has_content) => {
                if let Some(kind) = kind {
                    event.set("type", kind);
                }
                self.error = Some(Json::Object(event));
                EventKind::Other
            }
            _ => EventKind::Unknown,
        }
    }

    fn finish(self: Box<Self>) -> Folded<'a> {
        Folded { object: Json::Object(self.object), error: self.error }
    }
}
