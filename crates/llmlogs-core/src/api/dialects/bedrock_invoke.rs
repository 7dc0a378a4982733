//! Bedrock's `invoke` and `invoke-with-response-stream`: the model's own format in Bedrock's envelope.
//!
//! The format is recognised by the body; the model's name may be an ARN that does not show it.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html>

use std::borrow::Cow;

use crate::capture::{Endpoint, ResponseHead};
use crate::format::Usage;
use crate::json::{self, Json, Object};

use super::anthropic::Anthropic;
use super::bedrock::{BedrockConverse, invocation_usage, names_itself};
use super::cohere::{self, Cohere};
use super::openai_chat::{self, OpenAiChat};
use crate::api::dialect::{Dialect, EventKind, Fold, Folded};
use crate::api::error::reported;
use crate::api::shared::media::base64_decoded;
use crate::api::shared::members::{count, id, present, text, text_or_json};
use crate::api::shared::usage::usage;
use crate::api::view::{Choice, Message, Part, RequestView, ResponseView};

/// The member under which a stream's last chunk has the token counts that the headers of a whole answer have.
const METRICS: &str = "amazon-bedrock-invocationMetrics";

/// Adds the token counts of the headers where a stream has them, so that both are read alike.
pub(crate) fn add_metrics(body: &mut Object<'_>, head: &ResponseHead) {
    if !head.invocation_metrics.is_empty() && body.get(METRICS).is_none() {
        let counts = head.invocation_metrics.iter().map(|(name, tokens)| (*name, Json::number(tokens)));
        body.set(METRICS, Json::Object(counts.collect()));
    }
}

pub(crate) struct BedrockInvoke;

impl Dialect for BedrockInvoke {
    fn request<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> RequestView<'j> {
        let untyped =
            |message: &Json<'_>| message.get("content").items().iter().any(|part| part.get("type").is_null());
        let messages = body.get("messages").items();
        let mut view = if messages.is_empty() {
            prompt_request(body)
        } else if !body.get("anthropic_version").is_null() {
            Anthropic.request(endpoint, body)
        } else if !body.get("inferenceConfig").is_null() || messages.iter().any(untyped) {
            BedrockConverse.request(endpoint, body)
        } else {
            OpenAiChat.request(endpoint, body)
        };
        view.stream |= endpoint.path.ends_with("-stream");
        view
    }

    fn response<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> ResponseView<'j> {
        let choices = body.get("choices").items();
        let mut view = if !body.at(&["output", "message"]).is_null() {
            BedrockConverse.response(endpoint, body)
        } else if !body.get("content").is_null() {
            Anthropic.response(endpoint, body)
        } else if !body.get("response_id").is_null() {
            Cohere.response(endpoint, body)
        } else if choices.is_empty() {
            text_response(endpoint, body)
        } else {
            OpenAiChat.response(endpoint, body)
        };
        // Mistral's and DeepSeek's choices have their reason under Anthropic's name.
        for (choice, json) in view.choices.iter_mut().zip(choices) {
            if choice.finish_reason.is_empty() {
                choice.finish_reason = text(json.get("stop_reason"));
            }
        }
        view.usage = view.usage.or_else(|| invocation_usage(body.get(METRICS)));
        view
    }

    fn fold<'a>(&self, _endpoint: &Endpoint) -> Option<Box<dyn Fold<'a> + 'a>> {
        Some(Box::new(InvokeFold::default()))
    }
}

/// Returns a request that is a prompt: Llama's, Titan's, Mistral's first, Cohere's.
fn prompt_request<'j>(body: &'j Json<'j>) -> RequestView<'j> {
    let first = |keys: &[&str]| {
        let settings = [body, body.get("textGenerationConfig")];
        settings.into_iter().flat_map(|json| keys.iter().filter_map(|key| present(json, key))).next()
    };
    let user = |text| Message { role: Cow::Borrowed("user"), parts: vec![Part::Text(text)] };
    let history_message = |turn: &'j Json<'j>| Message {
        role: match &*text(turn.get("role")) {
            "CHATBOT" => Cow::Borrowed("assistant"),
            role => Cow::Owned(role.to_lowercase()),
        },
        parts: vec![Part::Text(text(turn.get("message")))],
    };
    let history = body.get("chat_history").items().iter().map(history_message);
    let prompt = first(&["prompt", "inputText", "message"]).map(|prompt| user(text_or_json(prompt)));
    let messages: Vec<_> = history.chain(prompt).collect();
    RequestView {
        temperature: first(&["temperature"]),
        max_tokens: first(&[
            "max_gen_len",
            "max_tokens",
            "maxTokens",
            "maxTokenCount",
            "max_tokens_to_sample",
        ]),
        messages_count: messages.len(),
        messages,
        ..RequestView::default()
    }
}

/// Returns a response that is a text or a list of texts.
fn text_response<'j>(endpoint: &Endpoint, body: &'j Json<'j>) -> ResponseView<'j> {
    const LISTS: [&str; 4] = ["outputs", "generations", "results", "completions"];
    let listed = LISTS.iter().map(|key| body.get(key)).find(|list| !list.items().is_empty());
    let answers = listed.map_or(std::slice::from_ref(body), Json::items);
    ResponseView {
        // AI21's is a number.
        id: id(body.get("id")),
        choices: answers.iter().filter_map(answer).collect(),
        usage: usage(endpoint, body.get("usage")).or_else(|| token_counts(body)),
        error: reported(body),
        ..ResponseView::default()
    }
}

fn answer<'j>(answer: &'j Json<'j>) -> Option<Choice<'j>> {
    let texts = [
        answer.get("generation"),
        answer.get("outputText"),
        answer.get("text"),
        answer.get("completion"),
        answer.at(&["data", "text"]),
    ];
    let text = texts.iter().find_map(|text| text.as_str())?;
    let reasons = [
        answer.get("stop_reason"),
        answer.get("completionReason"),
        answer.get("finish_reason"),
        answer.at(&["finishReason", "reason"]),
    ];
    let finish_reason = reasons.iter().find_map(|reason| reason.as_str()).unwrap_or_default();
    Some(Choice { finish_reason, parts: vec![Part::Text(text)] })
}

/// Returns Llama's and Titan's token counts.
fn token_counts(body: &Json<'_>) -> Option<Usage> {
    let prompt = count(body, &[&["prompt_token_count"], &["inputTextTokenCount"]]);
    let results = body.get("results").items().iter().filter_map(|r| r.get("tokenCount").as_u64());
    let completion =
        count(body, &[&["generation_token_count"]]).or_else(|| results.reduce(u64::saturating_add));
    prompt.or(completion)?;
    let (prompt_tokens, completion_tokens) = (prompt.unwrap_or(0), completion.unwrap_or(0));
    Some(Usage {
        prompt_tokens,
        completion_tokens,
        total_tokens: prompt_tokens + completion_tokens,
        ..Usage::default()
    })
}

/// Folds chunks into the model's own answer.
#[derive(Default)]
struct InvokeFold<'a> {
    /// The fold of the model's own events, once the first of them has shown which it is.
    own: Option<Box<dyn Fold<'a> + 'a>>,
    metrics: Option<Json<'a>>,
    error: Option<Json<'a>>,
}

impl<'a> Fold<'a> for InvokeFold<'a> {
    fn event(&mut self, _name: &str, data: Json<'a>) -> EventKind {
        if !data.get("__type").is_null() {
            self.error = Some(data);
            return EventKind::Other;
        }
        // A gateway may have taken the chunk out of its envelope.
        let event = match data.get("bytes") {
            Json::Null => Some(data),
            bytes => bytes.as_text().and_then(|bytes| unwrapped(&bytes.plain())),
        };
        let Some(Json::Object(mut event)) = event else {
            return EventKind::Unknown;
        };
        let metrics = event.remove(METRICS);
        let last = metrics.is_some();
        self.metrics = metrics.or(self.metrics.take());
        let kind = if event.is_empty() { EventKind::Other } else { self.own(Json::Object(event)) };
        match (last, kind) {
            (true, EventKind::Content | EventKind::LastContent) => EventKind::LastContent,
            (true, _) => EventKind::End,
            (false, kind) => kind,
        }
    }

    fn has_end_mark(&self) -> bool {
        self.own.as_ref().is_none_or(|own| own.has_end_mark())
    }

    fn finish(self: Box<Self>) -> Folded<'a> {
        let mut folded = self.own.map(Fold::finish).unwrap_or_default();
        if let Some(metrics) = self.metrics {
            if folded.object.is_null() {
                folded.object = Json::Object(Object::new());
            }
            if let Some(object) = folded.object.as_object_mut() {
                object.set(METRICS, metrics);
            }
        }
        folded.error = self.error.or(folded.error);
        folded
    }
}

impl<'a> InvokeFold<'a> {
    fn own(&mut self, mut event: Json<'a>) -> EventKind {
        for choice in choices_mut(&mut event).iter_mut().filter_map(Json::as_object_mut) {
            // Mistral's pieces come as messages.
            if choice.get("delta").is_none()
                && let Some(message) = choice.remove("message")
            {
                choice.set("delta", message);
            }
        }
        let own = self.own.get_or_insert_with(|| -> Box<dyn Fold<'a> + 'a> {
            let kind = event.get("type").as_text();
            if kind.is_some_and(|kind| *kind == *"completion") {
                // Claude's first API.
                Box::new(TextFold::default())
            } else if kind.is_some() {
                Box::new(super::anthropic::MessageFold::default())
            } else if event.get("event_type").as_text().is_some() {
                Box::new(cohere::ChatFold::default())
            } else if names_itself(&event) {
                Box::new(super::bedrock::ConverseFold::default())
            } else if !event.get("choices").items().is_empty() {
                Box::new(openai_chat::ChatFold::default())
            } else {
                Box::new(TextFold::default())
            }
        });
        own.event("", event)
    }
}

fn choices_mut<'e, 'a>(event: &'e mut Json<'a>) -> &'e mut [Json<'a>] {
    match event.as_object_mut().and_then(|event| event.get_mut("choices")) {
        Some(Json::Array(choices)) => choices,
        _ => &mut [],
    }
}

/// Returns a model's event out of its envelope of base64.
fn unwrapped(base64: &str) -> Option<Json<'static>> {
    let bytes = base64_decoded(base64)?;
    json::parse(&json::lossy(&bytes)).ok().map(Json::into_owned)
}

/// Returns what a chunk has in its envelope, if that is text.
pub(crate) fn in_clear(chunk: &str) -> Option<String> {
    let chunk = json::parse(chunk).ok()?;
    let bytes = base64_decoded(&chunk.get("bytes").as_text()?.plain())?;
    String::from_utf8(bytes).ok()
}

/// Folds chunks of a text: Llama's, Titan's, Mistral's first, Cohere's.
#[derive(Default)]
struct TextFold<'a> {
    answer: Object<'a>,
}

impl<'a> Fold<'a> for TextFold<'a> {
    fn event(&mut self, _name: &str, data: Json<'a>) -> EventKind {
        let Json::Object(event) = data else {
            return EventKind::Unknown;
        };
        let mut is_content = false;
        for (key, value) in event {
            is_content |= append_chunk(&key.plain(), self.answer.entry(&key), value);
        }
        EventKind::content_if(is_content)
    }

    fn finish(mut self: Box<Self>) -> Folded<'a> {
        // Titan's answer is a list of one.
        if let Some(text) = self.answer.remove("outputText") {
            let mut result = Object::new();
            let names =
                [("totalOutputTextTokenCount", "tokenCount"), ("completionReason", "completionReason")];
            for (chunk, whole) in names {
                if let Some(value) = self.answer.remove(chunk) {
                    result.set(whole, value);
                }
            }
            result.set("outputText", text);
            self.answer.remove("index");
            self.answer.set("results", Json::Array(vec![Json::Object(result)]));
        }
        Folded { object: Json::Object(self.answer), error: None }
    }
}

/// Adds a piece: texts of the answer come in pieces, lists item by item; anything else is replaced each time.
/// Returns whether the piece has content.
fn append_chunk<'a>(name: &str, whole: &mut Json<'a>, piece: Json<'a>) -> bool {
    match (&mut *whole, piece) {
        (_, Json::Null) => false,
        (place, Json::String(piece))
            if ["generation", "outputText", "completion", "text"].contains(&name) =>
        {
            let is_content = !piece.is_empty();
            match place {
                Json::String(old) => old.push(&piece),
                place => *place = Json::String(piece),
            }
            is_content
        }
        (Json::Array(old), Json::Array(pieces)) => {
            let mut is_content = false;
            for (place, piece) in pieces.into_iter().enumerate() {
                if place >= old.len() {
                    old.push(Json::Object(Object::new()));
                }
                is_content |= append_chunk(name, &mut old[place], piece);
            }
            is_content
        }
        (place @ Json::Null, Json::Array(pieces)) => {
            *place = Json::Array(Vec::new());
            append_chunk(name, place, Json::Array(pieces))
        }
        (Json::Object(old), Json::Object(pieces)) => {
            let mut is_content = false;
            for (key, piece) in pieces {
                is_content |= append_chunk(&key.plain(), old.entry(&key), piece);
            }
            is_content
        }
        (place, piece) => {
            *place = piece;
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::view::tool_ids;
    use crate::api::{Request, detect_endpoint};

    fn endpoint(model: &str, verb: &str) -> Endpoint {
        let url = format!("https://bedrock-runtime.eu-west-1.amazonaws.com/model/{model}/{verb}");
        detect_endpoint(Request { method: "POST", url: &url }).unwrap()
    }

    fn compact(json: &Json<'_>) -> String {
        let mut out = Vec::new();
        json::compact(json, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn base64(text: &str) -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut encoded = String::new();
        for group in text.as_bytes().chunks(3) {
            let byte = |place: usize| u32::from(group.get(place).copied().unwrap_or(0));
            let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
            for place in 0..=group.len() {
                encoded.push(char::from(DIGITS[(bits >> (18 - 6 * place) & 63) as usize]));
            }
            encoded.push_str(&"=="[group.len() - 1..]);
        }
        encoded
    }

    /// Folds the model's events, each in Bedrock's envelope.
    fn fold(events: &[&str]) -> (Json<'static>, Vec<EventKind>) {
        let mut fold = BedrockInvoke.fold(&endpoint("m", "invoke-with-response-stream")).unwrap();
        let mut kinds = Vec::new();
        for event in events {
            let chunk = format!(r#"{{"bytes":"{}","p":"abc"}}"#, base64(event));
            kinds.push(fold.event("chunk", json::parse(&chunk).unwrap().into_owned()));
        }
        (fold.finish().object, kinds)
    }

    fn read(body: &str) -> (String, String, Option<(u64, u64, u64)>) {
        let body = json::parse(body).unwrap();
        let view = BedrockInvoke.response(&endpoint("m", "invoke"), &body);
        let texts = view.choices.iter().flat_map(|choice| choice.parts.iter().filter_map(Part::text));
        let usage = view.usage.map(|u| (u.prompt_tokens, u.completion_tokens, u.total_tokens));
        (texts.collect(), view.finish_reason().to_owned(), usage)
    }

    #[test]
    fn base64_is_the_standard_one() {
        for text in ["", "f", "fo", "foo", "foob", "{\"a\":\"\u{e9}?>\"}"] {
            assert_eq!(base64_decoded(&base64(text)).as_deref(), Some(text.as_bytes()));
        }
        assert_eq!(base64_decoded("+/8="), Some(vec![0xfb, 0xff]));
        assert_eq!(base64_decoded("a b"), None);
    }

    #[test]
    fn anthropics_events_fold_into_its_message() {
        let (object, kinds) = fold(&[
            r#"{"type":"message_start","message":{"id":"msg_bdrk_1","type":"message","role":"assistant","model":"claude-x","content":[],"stop_reason":null,"usage":{"input_tokens":5,"output_tokens":1}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":4}}"#,
            r#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":5,"outputTokenCount":4}}"#,
        ]);
        assert_eq!(
            compact(&object),
            r#"{"id":"msg_bdrk_1","type":"message","role":"assistant","model":"claude-x","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","usage":{"input_tokens":5,"output_tokens":4},"stop_sequence":null,"amazon-bedrock-invocationMetrics":{"inputTokenCount":5,"outputTokenCount":4}}"#
        );
        assert_eq!((kinds[2], kinds[5]), (EventKind::Content, EventKind::End));
        assert_eq!(read(&compact(&object)), ("Hi".into(), "end_turn".into(), Some((5, 4, 9))));
    }

    #[test]
    fn chat_chunks_fold_into_a_completion_even_when_their_pieces_are_messages() {
        let (object, kinds) = fold(&[
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hel"},"stop_reason":null}]}"#,
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"lo"},"stop_reason":"stop"}]}"#,
            r#"{"amazon-bedrock-invocationMetrics":{"inputTokenCount":5,"outputTokenCount":4}}"#,
        ]);
        assert_eq!(read(&compact(&object)), ("Hello".into(), "stop".into(), Some((5, 4, 9))));
        assert_eq!(kinds, [EventKind::Content, EventKind::Content, EventKind::End]);
    }

    #[test]
    fn novas_events_fold_into_its_response() {
        let (object, _) = fold(&[
            r#"{"messageStart":{"role":"assistant"}}"#,
            r#"{"contentBlockDelta":{"delta":{"text":"Hi"},"contentBlockIndex":0}}"#,
            r#"{"messageStop":{"stopReason":"end_turn"}}"#,
            r#"{"metadata":{"usage":{"inputTokens":5,"outputTokens":4,"cacheReadInputTokenCount":3},"metrics":{},"trace":{}},"amazon-bedrock-invocationMetrics":{"inputTokenCount":5}}"#,
        ]);
        assert_eq!(read(&compact(&object)), ("Hi".into(), "end_turn".into(), Some((8, 4, 12))));
    }

    #[test]
    fn llamas_and_titans_chunks_fold_into_their_answers() {
        let (llama, kinds) = fold(&[
            r#"{"generation":"Hel","prompt_token_count":5,"generation_token_count":1,"stop_reason":null}"#,
            r#"{"generation":"lo","prompt_token_count":null,"generation_token_count":2,"stop_reason":"stop"}"#,
        ]);
        assert_eq!(
            compact(&llama),
            r#"{"generation":"Hello","prompt_token_count":5,"generation_token_count":2,"stop_reason":"stop"}"#
        );
        assert_eq!(kinds[0], EventKind::Content);
        assert_eq!(read(&compact(&llama)), ("Hello".into(), "stop".into(), Some((5, 2, 7))));
        let (titan, _) = fold(&[
            r#"{"outputText":"Hel","index":0,"totalOutputTextTokenCount":null,"completionReason":null,"inputTextTokenCount":5}"#,
            r#"{"outputText":"lo","index":0,"totalOutputTextTokenCount":2,"completionReason":"FINISH","inputTextTokenCount":null}"#,
        ]);
        assert_eq!(
            compact(&titan),
            r#"{"inputTextTokenCount":5,"results":[{"tokenCount":2,"completionReason":"FINISH","outputText":"Hello"}]}"#
        );
        assert_eq!(read(&compact(&titan)), ("Hello".into(), "FINISH".into(), Some((5, 2, 7))));
    }

    #[test]
    fn mistrals_first_and_coheres_chunks_keep_their_text() {
        let (mistral, _) = fold(&[
            r#"{"outputs":[{"text":"Hel","stop_reason":null}]}"#,
            r#"{"outputs":[{"text":"lo","stop_reason":"stop"}]}"#,
        ]);
        assert_eq!(read(&compact(&mistral)), ("Hello".into(), "stop".into(), None));
        let (cohere, _) = fold(&[
            r#"{"event_type":"text-generation","text":"Hel","is_finished":false}"#,
            r#"{"event_type":"stream-end","is_finished":true,"response":{"text":"Hello","finish_reason":"COMPLETE"}}"#,
        ]);
        assert_eq!(read(&compact(&cohere)), ("Hello".into(), "COMPLETE".into(), None));
    }

    #[test]
    fn a_last_chunk_that_carries_the_content_was_no_first_token() {
        let (titan, kinds) = fold(&[
            r#"{"outputText":"Hi","index":0,"totalOutputTextTokenCount":2,"completionReason":"FINISH","inputTextTokenCount":5,"amazon-bedrock-invocationMetrics":{"inputTokenCount":5,"outputTokenCount":2}}"#,
        ]);
        assert_eq!(kinds, [EventKind::LastContent]);
        assert_eq!(read(&compact(&titan)).0, "Hi");
        let (cohere, kinds) = fold(&[
            r#"{"is_finished":false,"event_type":"stream-start","generation_id":"g"}"#,
            r#"{"is_finished":true,"event_type":"stream-end","response":{"response_id":"r","text":"Hi","finish_reason":"COMPLETE"}}"#,
        ]);
        assert_eq!(kinds, [EventKind::Other, EventKind::LastContent]);
        assert_eq!(read(&compact(&cohere)), ("Hi".into(), "COMPLETE".into(), None));
    }

    #[test]
    fn coheres_response_id_and_ai21s_numeric_one_were_no_ids() {
        for (body, expected) in [
            (
                r#"{"response_id":"r","text":"Hi","generation_id":"g","chat_history":[],"finish_reason":"COMPLETE"}"#,
                "r",
            ),
            (
                r#"{"id":1234,"prompt":{},"completions":[{"data":{"text":"Hi"},"finishReason":{"reason":"endoftext"}}]}"#,
                "1234",
            ),
            (r#"{"id":5,"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]}"#, "5"),
        ] {
            let json = json::parse(body).unwrap();
            assert_eq!(BedrockInvoke.response(&endpoint("m", "invoke"), &json).id, expected);
            assert_eq!(read(body).0, "Hi");
        }
        let calls = r#"{"response_id":"r","text":"","tool_calls":[{"name":"f","parameters":{}}],"finish_reason":"COMPLETE"}"#;
        let calls = json::parse(calls).unwrap();
        let view = BedrockInvoke.response(&endpoint("m", "invoke"), &calls);
        assert_eq!(view.tool_names().collect::<Vec<_>>(), ["f"]);
    }

    #[test]
    fn a_stream_of_claudes_first_api_was_not_understood() {
        let (object, kinds) = fold(&[
            r#"{"type":"completion","completion":" Hel","stop_reason":null,"stop":null}"#,
            r#"{"type":"completion","completion":"lo","stop_reason":null,"stop":null}"#,
            r#"{"type":"completion","completion":"","stop_reason":"stop_sequence","stop":"\n\nHuman:","amazon-bedrock-invocationMetrics":{"inputTokenCount":5,"outputTokenCount":4}}"#,
        ]);
        assert_eq!(kinds, [EventKind::Content, EventKind::Content, EventKind::End]);
        assert_eq!(read(&compact(&object)), (" Hello".into(), "stop_sequence".into(), Some((5, 4, 9))));
    }

    #[test]
    fn a_chunk_that_is_no_json_is_not_understood_and_loses_nothing_else() {
        let (object, kinds) = fold(&["no json", r#"{"generation":"Hi"}"#]);
        assert_eq!((compact(&object).as_str(), kinds[0]), (r#"{"generation":"Hi"}"#, EventKind::Unknown));
        let mut fold = BedrockInvoke.fold(&endpoint("m", "invoke-with-response-stream")).unwrap();
        assert_eq!(fold.event("chunk", json::parse(r#"{"bytes":"?"}"#).unwrap()), EventKind::Unknown);
    }

    #[test]
    fn a_request_is_read_in_its_models_format() {
        let claude = r#"{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"system":"s","messages":[{"role":"user","content":"Hi"}]}"#;
        let nova = r#"{"schemaVersion":"messages-v1","system":[{"text":"s"}],"messages":[{"role":"user","content":[{"text":"Hi"}]}],"inferenceConfig":{"max_new_tokens":9}}"#;
        let chat =
            r#"{"max_tokens":9,"messages":[{"role":"system","content":"s"},{"role":"user","content":"Hi"}]}"#;
        let llama = r#"{"prompt":"Hi","max_gen_len":9}"#;
        let titan = r#"{"inputText":"Hi","textGenerationConfig":{"maxTokenCount":9}}"#;
        let old = r#"{"anthropic_version":"bedrock-2023-05-31","prompt":"Hi","max_tokens_to_sample":9}"#;
        let cohere = r#"{"message":"Hi","chat_history":[{"role":"CHATBOT","message":"?"}],"max_tokens":9}"#;
        let endpoint = endpoint("m", "invoke-with-response-stream");
        for (body, count) in
            [(claude, 1), (nova, 1), (chat, 2), (llama, 1), (titan, 1), (old, 1), (cohere, 2)]
        {
            let body = json::parse(body).unwrap();
            let view = BedrockInvoke.request(&endpoint, &body);
            assert_eq!(view.last_user_message(), "Hi", "{body:?}");
            assert_eq!(view.max_tokens.and_then(Json::as_u64), Some(9), "{body:?}");
            assert_eq!((view.messages_count, view.stream), (count, true), "{body:?}");
        }
    }

    #[test]
    fn headers_count_for_a_body_that_does_not() {
        let head = ResponseHead {
            invocation_metrics: vec![("inputTokenCount", 5), ("outputTokenCount", 2)],
            ..ResponseHead::default()
        };
        let Ok(Json::Object(mut body)) = json::parse(r#"{"generations":[{"text":"Hi"}]}"#) else {
            panic!("no object");
        };
        add_metrics(&mut body, &head);
        assert_eq!(read(&compact(&Json::Object(body))), ("Hi".into(), String::new(), Some((5, 2, 7))));
    }

    #[test]
    fn an_embedding_is_no_chat() {
        let titan = endpoint("amazon.titan-embed-text-v2%3A0", "invoke");
        assert_eq!(titan.operation, "embeddings");
        assert_eq!(
            read(r#"{"embedding":[0.1],"inputTextTokenCount":5}"#),
            (String::new(), String::new(), Some((5, 0, 5)))
        );
    }

    #[test]
    fn tool_results_join_their_calls_by_id_in_every_format() {
        let claude = r#"{"anthropic_version":"x","messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"1"}]}]}"#;
        let nova = r#"{"messages":[{"role":"assistant","content":[{"toolUse":{"toolUseId":"t","name":"f","input":{}}}]},{"role":"user","content":[{"toolResult":{"toolUseId":"t","content":[{"text":"1"}]}}]}]}"#;
        let chat = r#"{"messages":[{"role":"assistant","tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"t","content":"1"}]}"#;
        for body in [claude, nova, chat] {
            let body = json::parse(body).unwrap();
            let view = BedrockInvoke.request(&endpoint("m", "invoke"), &body);
            let parts = view.messages.iter().flat_map(|message| &message.parts);
            assert_eq!(tool_ids(parts), ["f called as t", "result of t"]);
        }
    }
}
