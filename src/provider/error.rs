//! What an API's error body says, in any of the shapes in use.

use std::borrow::Cow;

use crate::json::Json;

use super::view::text_or_json;

/// The provider's own code and message in an error body, an `error` object or an error event.
pub(crate) fn api_error(body: &Json<'_>) -> (String, String) {
    // Gemini wraps streamed errors in an array.
    if let Some(first) = body.items().first() {
        return api_error(first);
    }
    // `{"error": …}`; Anthropic's has `"type": "error"` beside it.
    match body.get("error") {
        Json::Null => {}
        // Mistral and others: `{"error": "text", "message": …}`.
        Json::String(text) => {
            let (code, message) = flat(body);
            let message = if message.is_empty() { text.plain().into_owned() } else { message };
            return (code, message);
        }
        inner => {
            let (mut code, message) = flat(inner);
            if code.is_empty() {
                code = flat(body).0;
            }
            return (code, message);
        }
    }
    // OpenAI's Responses put it under `response`.
    let nested = body.at(&["response", "error"]);
    if !nested.is_null() {
        return flat(nested);
    }
    flat(body)
}

fn flat(error: &Json<'_>) -> (String, String) {
    if let Json::String(text) = error {
        return (String::new(), text.plain().into_owned());
    }
    let word = |key: &str| {
        let word = error.get(key);
        word.as_str().filter(|w| !w.is_empty() && w != "error").map(Cow::into_owned)
    };
    let code = word("code")
        .or_else(|| word("status"))
        .or_else(|| word("type"))
        .or_else(|| word("__type"))
        .unwrap_or_else(|| error.get("code").scalar());
    let message = ["message", "Message", "error_message", "msg", "detail", "title"]
        .iter()
        .map(|key| error.get(key))
        .find(|message| !message.is_null())
        .map(|message| match message.get("message") {
            Json::String(inner) => inner.plain().into_owned(),
            _ => text_or_json(message).into_owned(),
        });
    (code, message.unwrap_or_default())
}
