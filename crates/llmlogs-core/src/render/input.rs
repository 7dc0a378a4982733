//! `input.txt`, the request as text.

use crate::api::{Part, RequestView};
use crate::json::Json;

use super::{Page, body, reasoning, tool_calls};

/// The maximum number of characters shown of a tool's description.
const MAX_DESCRIPTION: usize = 100;

/// Returns `input.txt`; `raw` replaces the messages if none were found in the request.
pub fn input(model: &str, request: &RequestView<'_>, raw: Option<&str>) -> String {
    let texts = request.messages.iter().flat_map(|message| &message.parts).filter_map(Part::text);
    let mut page = Page(String::with_capacity(2048 + texts.map(str::len).sum::<usize>()));
    page.title("API REQUEST INPUT");
    page.pair("Model", model);
    page.pair("Temperature", request.temperature.map(Json::scalar).unwrap_or_else(|| "default".into()));
    page.pair("Tool Choice", tool_choice(request));
    page.blank();
    page.heading("MESSAGES:");
    if let (Some(raw), true) = (raw, request.messages.is_empty()) {
        page.blank();
        page.line(raw);
    }
    for (index, message) in request.messages.iter().enumerate() {
        page.blank();
        page.item(index + 1, &format!("{}:", message.role.to_uppercase()));
        let reasoning_text = reasoning(&message.parts);
        if !reasoning_text.is_empty() {
            page.line("REASONING:");
            page.line(&reasoning_text);
            page.blank();
        }
        let text = body(&message.parts);
        page.line(if text.is_empty() { "(empty)" } else { &text });
        let mut calls = tool_calls(&message.parts).peekable();
        if calls.peek().is_some() {
            page.blank();
            page.line("TOOL CALLS:");
            for (name, arguments) in calls {
                page.line(&format!("  - {name}"));
                page.line(&format!("    Args: {arguments}"));
            }
        }
    }
    if !request.tools.is_empty() {
        page.blank();
        page.heading("AVAILABLE TOOLS:");
        for tool in &request.tools {
            page.blank();
            page.line(&format!("• {}", tool.name));
            if !tool.description.is_empty() {
                let shown: String = tool.description.chars().take(MAX_DESCRIPTION).collect();
                page.line(&format!("  {shown}..."));
            }
        }
    }
    page.blank();
    page.end()
}

fn tool_choice(request: &RequestView<'_>) -> String {
    match request.tool_choice {
        None => "auto".to_owned(),
        Some(choice) => crate::api::text_or_json(choice).into_owned(),
    }
}
