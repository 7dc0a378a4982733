//! Replicate's predictions, of models of every kind.
//!
//! A prediction is answered when it has begun, or with `Prefer: wait` when it has ended; its `status` tells which. It has
//! failed only where that says so, whatever the status of HTTP.
//!
//! <https://replicate.com/docs/reference/http#predictions.create>

use std::borrow::Cow;

use crate::capture::Endpoint;
use crate::format::Usage;
use crate::json::Json;

use super::openai_chat::OpenAiChat;
use crate::api::dialect::Dialect;
use crate::api::error::reported;
use crate::api::shared::media::media_at;
use crate::api::shared::members::{count, present, text, text_or_json, unix_seconds};
use crate::api::view::{Choice, Message, Part, RequestView, ResponseView};

pub(crate) struct Replicate;

impl Dialect for Replicate {
    fn request<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> RequestView<'j> {
        let input = body.get("input");
        let mut messages = OpenAiChat.request(endpoint, input).messages;
        let messages_count = messages.len();
        if let Some(system) = input.get("system_prompt").as_str().filter(|system| !system.is_empty()) {
            messages.insert(0, Message { role: Cow::Borrowed("system"), parts: vec![Part::Text(system)] });
        }
        RequestView {
            model: present(body, "version").or(present(body, "model")).map(text),
            stream: body.get("stream").as_bool().unwrap_or(false),
            temperature: present(input, "temperature"),
            max_tokens: ["max_tokens", "max_new_tokens", "max_completion_tokens"]
                .iter()
                .find_map(|key| present(input, key)),
            messages_count,
            messages,
            ..RequestView::default()
        }
    }

    fn response<'j>(&self, _endpoint: &Endpoint, body: &'j Json<'j>) -> ResponseView<'j> {
        let status = text(body.get("status"));
        let has_ended = matches!(&*status, "succeeded" | "failed" | "canceled" | "aborted");
        let parts = output(body.get("output"));
        let failed = status == "failed";
        let finish_reason = if has_ended { status } else { Cow::Borrowed("") };
        let answered = has_ended || !parts.is_empty();
        ResponseView {
            id: text(body.get("id")),
            created: unix_seconds(body.get("created_at")),
            model: text(body.get("model")),
            choices: answered.then_some(Choice { finish_reason, parts }).into_iter().collect(),
            usage: usage(body.get("metrics")),
            // A body without a status is no prediction.
            error: if body.get("status").as_text().is_some() {
                failed.then_some(body)
            } else {
                reported(body)
            },
            ..ResponseView::default()
        }
    }
}

/// Returns what a prediction made: a text, in pieces or whole, addresses of files, or whatever the model makes.
fn output<'j>(output: &'j Json<'j>) -> Vec<Part<'j>> {
    let is_address = |text: &str| text.starts_with("https://") || text.starts_with("data:");
    match output {
        Json::Null => Vec::new(),
        Json::Array(items) => {
            let texts: Vec<_> = items.iter().filter_map(Json::as_str).collect();
            if texts.len() < items.len() {
                vec![Part::Text(text_or_json(output))]
            } else if texts.iter().any(|text| is_address(text)) {
                texts.into_iter().map(|address| media_at(address, "file")).collect()
            } else if texts.is_empty() {
                Vec::new()
            } else {
                vec![Part::Text(texts.concat().into())]
            }
        }
        Json::String(text) if is_address(&text.plain()) => vec![media_at(text.plain(), "file")],
        other => vec![Part::Text(text_or_json(other))],
    }
}

/// Returns the token counts among a prediction's metrics, which language models have.
fn usage(metrics: &Json<'_>) -> Option<Usage> {
    let prompt = count(metrics, &[&["input_token_count"], &["token_input_count"]]);
    let completion = count(metrics, &[&["output_token_count"], &["token_output_count"]]);
    prompt.or(completion)?;
    let (prompt_tokens, completion_tokens) = (prompt.unwrap_or(0), completion.unwrap_or(0));
    let total_tokens = prompt_tokens + completion_tokens;
    Some(Usage { prompt_tokens, completion_tokens, total_tokens, ..Usage::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Request, detect_endpoint};
    use crate::json;

    fn endpoint() -> Endpoint {
        let url = "https://api.replicate.com/v1/models/meta/meta-llama-3-8b-instruct/predictions";
        detect_endpoint(Request { method: "POST", url }).unwrap()
    }

    #[test]
    fn pieces_of_a_text_are_the_text_and_addresses_are_files() {
        let body = r#"{"id":"gm3q","model":"meta/meta-llama-3-8b-instruct","version":"5a62","input":{"prompt":"Hi"},"output":["Hel","lo"],"error":null,"status":"succeeded","created_at":"2024-04-18T22:33:21.183Z","metrics":{"input_token_count":12,"output_token_count":3,"predict_time":0.5}}"#;
        let body = json::parse(body).unwrap();
        let view = Replicate.response(&endpoint(), &body);
        assert_eq!(view.choices[0].parts, [Part::Text("Hello".into())]);
        assert_eq!((view.finish_reason(), &*view.model), ("succeeded", "meta/meta-llama-3-8b-instruct"));
        assert_eq!(view.usage.unwrap().total_tokens, 15);
        assert_eq!(view.created, Some(1713479601));
        let body =
            json::parse(r#"{"status":"succeeded","output":["https://replicate.delivery/x/out-0.png"]}"#)
                .unwrap();
        let view = Replicate.response(&endpoint(), &body);
        assert!(
            matches!(&view.choices[0].parts[..], [Part::Media { source, .. }] if source.ends_with("out-0.png"))
        );
    }

    #[test]
    fn a_prediction_fails_by_its_own_status_alone() {
        let error = |body: &str| Replicate.response(&endpoint(), &json::parse(body).unwrap()).error.is_some();
        assert!(!error(r#"{"id":"p","status":"starting","output":null,"error":null}"#));
        assert!(!error(r#"{"id":"p","status":"processing","output":["a"],"error":"a warning"}"#));
        assert!(!error(r#"{"id":"p","status":"canceled","output":null,"error":null}"#));
        assert!(error(r#"{"id":"p","status":"failed","output":null,"error":"CUDA out of memory"}"#));
        let starting = json::parse(r#"{"id":"p","status":"starting","output":null}"#).unwrap();
        assert!(Replicate.response(&endpoint(), &starting).choices.is_empty());
    }

    #[test]
    fn a_request_is_read_out_of_its_input() {
        let body = r#"{"version":"5a62","input":{"prompt":"Hi","system_prompt":"Be brief.","temperature":0.5,"max_tokens":9}}"#;
        let body = json::parse(body).unwrap();
        let view = Replicate.request(&endpoint(), &body);
        assert_eq!(
            (view.last_user_message().as_str(), view.messages.len(), view.messages_count),
            ("Hi", 2, 1)
        );
        assert_eq!((view.model.as_deref(), view.max_tokens.and_then(Json::as_u64)), (Some("5a62"), Some(9)));
    }
}
