//! Bodies as they were stored, and what they say.

use std::borrow::Cow;

use llmlogs_core::api::{Part, Request, RequestView, ResponseView, api_of, detect_endpoint, dialect};
use llmlogs_core::capture::{Api, Endpoint};
use llmlogs_core::json::{self, Json};
use llmlogs_core::read::{ApiInfo, Metadata};

/// The text of a stored body.
pub(crate) fn text(body: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(body)
}

/// The endpoint that a call went to, from what `metadata.json` says.
pub(crate) fn endpoint(info: &ApiInfo, request: &Json<'_>) -> Endpoint {
    let method = if info.method.is_empty() { "POST" } else { &info.method };
    let url = format!("{}{}", info.base_url, info.endpoint);
    let known = detect_endpoint(Request { method, url: &url }).filter(|endpoint| endpoint.api != Api::Raw);
    known.unwrap_or_else(|| Endpoint {
        api: api_of(&info.provider, Some(request)),
        provider: Cow::Owned(info.provider.clone()),
        operation: Cow::Owned(info.operation.clone()),
        path_model: Some(info.model.clone()).filter(|model| !model.is_empty()),
        base_url: info.base_url.clone(),
        path: info.endpoint.clone(),
        method: method.to_owned(),
    })
}

pub(crate) fn request<'j>(endpoint: &Endpoint, body: &'j Json<'j>) -> RequestView<'j> {
    dialect(endpoint.api).request(endpoint, body)
}

/// What the response says; of a failure, what had arrived before it.
pub(crate) fn response<'j>(endpoint: &Endpoint, body: &'j Json<'j>, failed: bool) -> ResponseView<'j> {
    let body = if failed { body.get("partial") } else { body };
    if body.is_null() { ResponseView::default() } else { dialect(endpoint.api).response(endpoint, body) }
}

/// Model and user message of a request of which nothing else is known.
pub(crate) fn asked(body: &[u8]) -> Option<(String, String)> {
    let text = text(body);
    let body = json::parse(&text).ok()?;
    let endpoint = endpoint(&ApiInfo::default(), &body);
    let view = request(&endpoint, &body);
    let model = view.model.as_deref().unwrap_or_default().to_owned();
    Some((model, view.last_user_message()))
}

/// What was said in plain text, then the tools that were called.
pub(crate) fn parts_text(parts: &[Part<'_>]) -> String {
    let mut lines = Vec::new();
    for part in parts {
        match part {
            Part::Reasoning(text) => lines.push(format!("[reasoning] {text}")),
            Part::ToolCall { name, arguments, .. } => {
                lines.push(format!("→ {name}({})", arguments_text(arguments)))
            }
            Part::ServerToolCall { name, arguments, .. } => {
                lines.push(format!("→ {name}({}) [by the provider]", arguments_text(arguments)));
            }
            part => lines.extend(llmlogs_core::render::plain(part).map(Cow::into_owned)),
        }
    }
    lines.join("\n")
}

/// Arguments in one line where they are JSON.
fn arguments_text(arguments: &str) -> String {
    match json::parse(arguments) {
        Ok(parsed) => {
            let mut out = Vec::new();
            json::compact(&parsed, &mut out);
            String::from_utf8_lossy(&out).into_owned()
        }
        Err(_not_json) => arguments.to_owned(),
    }
}

/// What the model answered, all choices, in plain text.
pub(crate) fn answer(response: &ResponseView<'_>) -> String {
    let choices: Vec<_> = response.choices.iter().map(|choice| parts_text(&choice.parts)).collect();
    choices.join("\n\n")
}

/// Whether the call's output is a failure's.
pub(crate) fn is_failure(metadata: &Metadata) -> bool {
    metadata.response_info.error
}

/// Indented JSON.
pub(crate) fn pretty(json: &Json<'_>) -> String {
    let mut out = Vec::new();
    json::pretty(json, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}
