//! Embeddings of every provider: what was embedded, by which model, for how many tokens. The vectors stay in
//! the body.

use std::borrow::Cow;

use crate::json::Json;
use crate::record::{Endpoint, Usage};

use super::dialect::Dialect;
use super::view::{Message, Part, RequestView, ResponseView, present, text, text_or_json, unix_seconds};
use super::{cohere, openai_chat};

pub(super) struct Embeddings;

impl Dialect for Embeddings {
    fn request<'j>(&self, _endpoint: &Endpoint, body: &'j Json<'j>) -> RequestView<'j> {
        // OpenAI, Ollama | Cohere | Ollama's older path | Gemini
        let input = ["input", "texts", "inputs", "prompt", "content", "requests", "images"];
        let input = input.iter().find_map(|key| present(body, key));
        let parts: Vec<Part<'j>> = match input {
            Some(Json::Array(items)) => items.iter().map(|item| Part::Text(embedded(item))).collect(),
            Some(one) => vec![Part::Text(embedded(one))],
            None => Vec::new(),
        };
        let messages = match parts.is_empty() {
            true => Vec::new(),
            false => vec![Message { role: Cow::Borrowed("input"), parts }],
        };
        RequestView { model: body.get("model").as_str(), messages, ..RequestView::default() }
    }

    fn response<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> ResponseView<'j> {
        let (usage_json, metadata) = (body.get("usage"), body.get("usageMetadata"));
        let usage = openai_chat::usage(endpoint, usage_json)
            .or_else(|| present(body, "meta").and_then(cohere::usage))
            .or_else(|| input_only(metadata.get("promptTokenCount")))
            .or_else(|| input_only(body.get("prompt_eval_count")));
        ResponseView {
            id: text(body.get("id")),
            object: text(body.get("object")),
            created: unix_seconds(body.get("created")),
            model: text(body.get("model")),
            usage,
            cost: openai_chat::reported_cost(usage_json),
            error: present(body, "error").map(|_| body),
            ..ResponseView::default()
        }
    }
}

/// What is embedded: a text, or a Gemini request with its content.
fn embedded<'j>(item: &'j Json<'j>) -> Cow<'j, str> {
    let content = present(item, "content").unwrap_or(item);
    match content.get("parts").items() {
        [] => text_or_json(content),
        parts => parts.iter().map(|part| text(part.get("text"))).collect::<Vec<_>>().join("\n").into(),
    }
}

fn input_only(count: &Json<'_>) -> Option<Usage> {
    let prompt_tokens = count.as_u64()?;
    Some(Usage { prompt_tokens, total_tokens: prompt_tokens, ..Usage::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use crate::provider::{Request, recognise};

    fn tokens(url: &str, body: &str) -> Option<u64> {
        let endpoint = recognise(Request { method: "POST", url }).unwrap();
        let body = json::parse(body).unwrap();
        Embeddings.response(&endpoint, &body).usage.map(|usage| usage.total_tokens)
    }

    #[test]
    fn tokens_are_read_wherever_a_provider_puts_them() {
        let openai =
            r#"{"object":"list","data":[],"model":"e","usage":{"prompt_tokens":5,"total_tokens":5}}"#;
        assert_eq!(tokens("https://api.openai.com/v1/embeddings", openai), Some(5));
        let cohere = r#"{"id":"i","embeddings":[],"meta":{"billed_units":{"input_tokens":4}}}"#;
        assert_eq!(tokens("https://api.cohere.com/v2/embed", cohere), Some(4));
        let ollama = r#"{"model":"e","embeddings":[],"prompt_eval_count":3}"#;
        assert_eq!(tokens("http://localhost:11434/api/embed", ollama), Some(3));
        let gemini = r#"{"embedding":{"values":[]},"usageMetadata":{"promptTokenCount":2}}"#;
        let url = "https://generativelanguage.googleapis.com/v1beta/models/e:embedContent";
        assert_eq!(tokens(url, gemini), Some(2));
        assert_eq!(tokens(url, r#"{"embedding":{"values":[]}}"#), None);
    }

    #[test]
    fn what_was_embedded_is_shown() {
        let url = "https://generativelanguage.googleapis.com/v1beta/models/e:batchEmbedContents";
        let endpoint = recognise(Request { method: "POST", url }).unwrap();
        for (body, shown) in [
            (r#"{"input":["a","b"]}"#, vec!["a", "b"]),
            (r#"{"input":"a"}"#, vec!["a"]),
            (r#"{"requests":[{"model":"m","content":{"parts":[{"text":"a"},{"text":"b"}]}}]}"#, vec!["a\nb"]),
            (r#"{"content":{"parts":[{"text":"a"}]}}"#, vec!["a"]),
        ] {
            let body = json::parse(body).unwrap();
            let view = Embeddings.request(&endpoint, &body);
            let parts: Vec<_> = view.messages[0].parts.iter().filter_map(Part::text).collect();
            assert_eq!(parts, shown);
        }
    }
}
