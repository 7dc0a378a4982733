//! `input.txt`, the request as text.

use std::borrow::Cow;

use crate::api::{Part, RequestView, Tool, text_or_json};
use crate::json::Json;

use super::{Page, body, reasoning, tool_calls};

/// The maximum number of characters shown of a tool's description, and of a parameter's value.
const MAX_DESCRIPTION: usize = 100;

/// The operations that sample a text, whose temperature has a default where the request has none.
const SAMPLING: [&str; 3] = ["chat", "text_completion", "generate_content"];

/// The parts of a request that `input.txt` shows.
pub struct Asked<'a> {
    /// The model that is asked for.
    pub model: &'a str,
    /// OpenTelemetry's name of the operation.
    pub operation: &'a str,
    /// The request in the terms of all APIs.
    pub view: &'a RequestView<'a>,
    /// Members of the body that are neither conversation nor tools, and have no line of their own: `top_p`, `seed` …
    pub parameters: &'a [(&'a str, &'a Json<'a>)],
    /// Replaces the messages if none were found in the request.
    pub raw: Option<&'a str>,
}

/// Returns `input.txt`.
pub fn input(asked: &Asked<'_>) -> String {
    let request = asked.view;
    let texts = request.messages.iter().flat_map(|message| &message.parts).filter_map(Part::text);
    let mut page = Page(String::with_capacity(2048 + texts.map(str::len).sum::<usize>()));
    page.title("API REQUEST INPUT");
    head(&mut page, asked);
    page.blank();
    page.heading("MESSAGES:");
    if let (Some(raw), true) = (asked.raw, request.messages.is_empty()) {
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
                page.line(&format!("  {}", cut(&tool.description)));
            }
            if let Some(parameters) = arguments(tool) {
                page.line(&format!("  Parameters: {parameters}"));
            }
        }
    }
    page.blank();
    page.end()
}

/// Adds the model and the parameters.
fn head(page: &mut Page, asked: &Asked<'_>) {
    let request = asked.view;
    page.pair("Model", asked.model);
    // Of other operations few know a temperature, and a request without messages has not been understood.
    let has_default = SAMPLING.contains(&asked.operation) && !request.messages.is_empty();
    match request.temperature {
        Some(temperature) => page.pair("Temperature", temperature.scalar()),
        None if has_default => page.pair("Temperature", "default"),
        None => {}
    }
    if let Some(most) = request.max_tokens {
        page.pair("Max Tokens", most.scalar());
    }
    if request.stream {
        page.pair("Stream", true);
    }
    if let Some(choice) = request.tool_choice {
        page.pair("Tool Choice", text_or_json(choice));
    }
    for (name, value) in asked.parameters {
        page.pair(name, cut(&text_or_json(value)));
    }
}

/// Returns the first characters of a text, followed by `...` if there are more.
fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_DESCRIPTION) {
        Some((end, _)) => Cow::Owned(format!("{}...", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Returns the names and types of a tool's arguments: `path (string, required), limit (integer)`; `None` if there is
/// no schema, or one of another kind than an object's.
fn arguments(tool: &Tool<'_>) -> Option<String> {
    let schema = tool.parameters?;
    // Cohere's first API has the arguments without a schema around them.
    let is_bare = |schema: &Json<'_>| {
        schema
            .as_object()
            .is_some_and(|members| members.iter().all(|(_, member)| member.as_object().is_some()))
    };
    let inner = match schema.get("properties") {
        Json::Null if is_bare(schema) => schema,
        properties => properties,
    };
    let required = schema.get("required").items();
    let argument = |(name, argument): (&crate::json::Text<'_>, &Json<'_>)| {
        let name = name.plain();
        let kind = match argument.get("type") {
            Json::Array(kinds) => kinds.iter().map(Json::scalar).collect::<Vec<_>>().join(" or "),
            kind => kind.scalar(),
        };
        let is_required = required.iter().any(|required| required.as_str().as_deref() == Some(&*name))
            || argument.get("required").as_bool() == Some(true);
        match (kind.as_str(), is_required) {
            ("", false) => name.into_owned(),
            ("", true) => format!("{name} (required)"),
            (kind, false) => format!("{name} ({kind})"),
            (kind, true) => format!("{name} ({kind}, required)"),
        }
    };
    let arguments: Vec<_> = inner.as_object()?.iter().map(argument).collect();
    Some(if arguments.is_empty() { "none".to_owned() } else { arguments.join(", ") })
}
