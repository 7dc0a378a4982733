//! The code and the message of an API's error body, in any of the shapes in use.

use std::borrow::Cow;

use crate::json::Json;

use super::shared::delta::{has_content, is_empty};
use super::shared::members::text_or_json;

/// Returns `body` if it or a part of it reports a failure although the status is that of a success.
pub(crate) fn reported<'j>(body: &'j Json<'j>) -> Option<&'j Json<'j>> {
    (is_flat(body) || lists_errors(body) || inner(body).is_some()).then_some(body)
}

/// Returns whether a body is itself an error: Mistral's and vLLM's, Cerebras', AWS's.
fn is_flat(body: &Json<'_>) -> bool {
    let word = |key: &str| body.get(key).as_str().unwrap_or_default();
    let has_message = || ["message", "Message"].iter().any(|key| has_content(body.get(key)));
    let of_an_error = || word("type").to_ascii_lowercase().ends_with("error") || !word("__type").is_empty();
    word("object") == "error" || has_message() && of_an_error()
}

/// Returns whether a body lists errors and has the mark of a failure beside them: watsonx's status, Cloudflare's `success`.
fn lists_errors(body: &Json<'_>) -> bool {
    let failed = || {
        body.get("success").as_bool() == Some(false)
            || body.get("status_code").as_u64().is_some_and(|status| status >= 400)
    };
    body.get("errors").items().iter().any(|error| has_content(error.get("message"))) && failed()
}

/// Returns the error inside a body: its own, Groq's beside a chunk, OpenRouter's in a choice, or that of a Responses
/// event.
fn inner<'j>(body: &'j Json<'j>) -> Option<&'j Json<'j>> {
    let places = [body.get("error"), body.at(&["x_groq", "error"]), body.at(&["response", "error"])];
    let choices = body.get("choices").items().iter().map(|choice| choice.get("error"));
    // Some providers and gateways send an empty one with every answer.
    places.into_iter().chain(choices).find(|error| has_content(error) && !is_blank(error))
}

/// Returns whether an error has nothing but members without a value: `{"code": 0, "message": "", "type": null}`.
fn is_blank(error: &Json<'_>) -> bool {
    match error {
        Json::Object(members) => members.iter().all(|(_, member)| is_blank(member)),
        Json::Array(items) => items.iter().all(is_blank),
        Json::Number(_) => error.as_f64() == Some(0.0),
        Json::Bool(on) => !on,
        Json::Null | Json::String(_) => is_empty(error),
    }
}

/// Returns the provider's own code and message in an error body, an `error` object or an error event.
pub fn api_error(body: &Json<'_>) -> (String, String) {
    // Gemini wraps streamed errors in an array, others list several.
    if let Some(first) = body.items().first().or(body.get("errors").items().first()) {
        return api_error(first);
    }
    let Some(error) = inner(body) else {
        return flat(body);
    };
    // The code and the message may be inside, or beside: `{"error": "text", "code": …}`.
    let error = error.items().first().unwrap_or(error);
    let (mut code, mut message) = flat(error);
    if code.is_empty() {
        code = flat(body).0;
    }
    if let (Json::String(_), beside) = (error, flat(body).1)
        && !beside.is_empty()
    {
        message = beside;
    }
    (code, message)
}

/// Returns the words and numbers that may be the code of an error, those of the error itself before those beside it.
pub fn codes(body: &Json<'_>) -> Vec<String> {
    const KEYS: [&str; 7] = ["code", "status", "type", "__type", "error_code", "error_type", "err_code"];
    if let Some(first) = body.items().first().or(body.get("errors").items().first()) {
        // watsonx has the status beside its list.
        let beside = Some(body.get("status_code").scalar()).filter(|status| !status.is_empty());
        return codes(first).into_iter().chain(beside).collect();
    }
    let inside = inner(body).map(|error| error.items().first().unwrap_or(error));
    let places = inside.into_iter().chain([body, body.get("detail")]);
    let words = places.flat_map(|error| KEYS.map(|key| error.get(key).scalar()));
    words.filter(|word| !word.is_empty()).collect()
}

/// Returns the provider's id of the request in a body; empty if it has none.
pub fn request_id(body: &Json<'_>) -> String {
    let body = body.items().first().unwrap_or(body);
    let places: [&[&str]; 4] = [&["request_id"], &["error", "request_id"], &["x_groq", "id"], &["requestId"]];
    places.iter().find_map(|path| body.at(path).as_str()).map(Cow::into_owned).unwrap_or_default()
}

/// Returns the code and the message among an object's own members, or of a text.
fn flat(error: &Json<'_>) -> (String, String) {
    if let Json::String(text) = error {
        return (String::new(), text.plain().into_owned());
    }
    let word = |key: &str| {
        let word = error.get(key);
        // The type of an event, a body or a response is no code.
        let named = |w: &Cow<'_, str>| w == "error" || w == "failed" || w.starts_with("response.");
        word.as_str().filter(|w| !w.is_empty() && !named(w)).map(Cow::into_owned)
    };
    let code = word("code")
        .or_else(|| word("status"))
        .or_else(|| word("type"))
        .or_else(|| word("__type"))
        .or_else(|| word("error_code"))
        .or_else(|| word("error_type"))
        // Deepgram's, older and newer.
        .or_else(|| word("err_code"))
        .or_else(|| word("category"))
        .or_else(|| error.at(&["detail", "code"]).as_str().map(Cow::into_owned))
        .unwrap_or_else(|| error.get("code").scalar());
    let message = ["message", "Message", "error_message", "err_msg", "msg", "detail", "title"]
        .iter()
        .map(|key| error.get(key))
        .find(|message| !message.is_null())
        .map(|message| match message.get("message") {
            Json::String(inner) => inner.plain().into_owned(),
            _ => text_or_json(message).into_owned(),
        });
    (code, message.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn code_and_message(body: &str) -> (String, String) {
        api_error(&json::parse(body).unwrap())
    }

    #[test]
    fn every_shape_of_error_body_gives_its_code_and_message() {
        for (body, code, message) in [
            (r#"{"error":{"message":"m","type":"t","param":null,"code":"c"}}"#, "c", "m"),
            (
                r#"{"error":{"message":"m","type":"invalid_request_error","code":null}}"#,
                "invalid_request_error",
                "m",
            ),
            (r#"{"error":{"code":500,"message":"m","type":"server_error"}}"#, "server_error", "m"),
            (r#"{"error":{"code":429,"message":"m","metadata":{"raw":"r"}},"user_id":"u"}"#, "429", "m"),
            (r#"{"error":{"message":"m","code":"c","type":"t"},"status":401}"#, "c", "m"),
            // Mistral, vLLM: flat.
            (r#"{"object":"error","message":"m","type":"t","param":null,"code":"3051"}"#, "3051", "m"),
            (
                r#"{"object":"error","message":"m","type":"BadRequestError","param":null,"code":400}"#,
                "BadRequestError",
                "m",
            ),
            // xAI, Ollama and others: a text.
            (r#"{"code":"invalid-argument","error":"m"}"#, "invalid-argument", "m"),
            (r#"{"error":"m"}"#, "", "m"),
            (r#"{"error":["m","n"]}"#, "", "m"),
            (r#"{"error":"short","message":"m"}"#, "", "m"),
            // ChatGPT, FastAPI.
            (r#"{"detail":"m"}"#, "", "m"),
            (r#"{"detail":{"code":"c","message":"m"}}"#, "c", "m"),
            (
                r#"{"message":{"detail":[{"msg":"x"}]},"type":"t","code":null}"#,
                "t",
                r#"{"detail":[{"msg":"x"}]}"#,
            ),
            (r#"{"detail":[{"msg":"x"}]}"#, "", r#"[{"msg":"x"}]"#),
            // Gemini and Anthropic.
            (
                r#"[{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}]"#,
                "INVALID_ARGUMENT",
                "m",
            ),
            (
                r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#,
                "overloaded_error",
                "m",
            ),
            // Cloudflare, Databricks.
            (r#"{"errors":[{"code":7009,"message":"m"}],"success":false}"#, "7009", "m"),
            (r#"{"error_code":"BAD_REQUEST","message":"m"}"#, "BAD_REQUEST", "m"),
            // Deepgram, watsonx, Replicate.
            (r#"{"err_code":"INVALID_AUTH","err_msg":"m","request_id":"r"}"#, "INVALID_AUTH", "m"),
            (
                r#"{"category":"INVALID_JSON","message":"m","details":"d","request_id":"r"}"#,
                "INVALID_JSON",
                "m",
            ),
            (
                r#"{"errors":[{"code":"model_not_supported","message":"m"}],"status_code":404}"#,
                "model_not_supported",
                "m",
            ),
            (r#"{"id":"p","status":"failed","error":"m"}"#, "", "m"),
            (r#"{"title":"Unauthenticated","detail":"m","status":401}"#, "", "m"),
            // Events of streams.
            (r#"{"type":"error","code":"c","message":"m","param":null,"sequence_number":3}"#, "c", "m"),
            (r#"{"type":"error","error":{"type":"t","code":null,"message":"m"}}"#, "t", "m"),
            (
                r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"c","message":"m"}}}"#,
                "c",
                "m",
            ),
            (r#"{"id":"x","choices":[{"delta":{}}],"x_groq":{"id":"r","error":"m"}}"#, "", "m"),
            (
                r#"{"id":"x","choices":[{"finish_reason":"error","error":{"code":502,"message":"m"}}]}"#,
                "502",
                "m",
            ),
        ] {
            assert_eq!(code_and_message(body), (code.to_owned(), message.to_owned()), "{body}");
        }
    }

    #[test]
    fn errors_under_a_status_of_success_were_answers() {
        for (body, reports) in [
            (r#"{"message":"m","type":"too_many_requests_error","param":"quota","code":"c"}"#, true),
            (r#"{"message":"m","__type":"com.amazon#ThrottlingException"}"#, true),
            (r#"{"errors":[{"code":"c","message":"m"}],"trace":"t","status_code":429}"#, true),
            (r#"{"errors":[{"code":7009,"message":"m"}],"success":false}"#, true),
            (r#"{"errors":[],"messages":[],"success":true,"result":{}}"#, false),
            (r#"{"errors":[{"message":"one of many"}],"results":[{}]}"#, false),
            (r#"{"type":"message","message":"Hi"}"#, false),
            (r#"{"message":{"role":"assistant"},"type":"answer"}"#, false),
        ] {
            assert_eq!(reported(&json::parse(body).unwrap()).is_some(), reports, "{body}");
        }
    }

    #[test]
    fn an_empty_error_member_reports_nothing() {
        for body in [
            r#"{"error":null}"#,
            r#"{"error":""}"#,
            r#"{"error":{}}"#,
            r#"{"error":{"message":"","type":"","param":null,"code":0}}"#,
            r#"{"error":[{"message":""}]}"#,
            r#"{"error":false,"choices":[{"error":null}]}"#,
            r#"{"object":"chat.completion","x_groq":{"id":"r"}}"#,
        ] {
            assert_eq!(reported(&json::parse(body).unwrap()), None, "{body}");
        }
    }
}
