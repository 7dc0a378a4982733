//! The parts of a call, one of them at a time: links, which need no script.

use llmlogs_core::format::layout::{
    INPUT_FILE, INPUT_TEXT_FILE, METADATA_FILE, OUTPUT_FILE, OUTPUT_TEXT_FILE,
};
use llmlogs_core::read::{Conversation, Metadata, Status, pretty_json};
use maud::{Markup, html};
use serde_json::Value;

use crate::output::format::{grouped, plural, size};
use crate::page::answer::ApiError;
use crate::page::call_dir::MAX_BODY;
use crate::page::html::parts::{self, Style};
use crate::page::html::room::{Room, TEXT, beginning};
use crate::page::html::text::visible;
use crate::page::links;

use super::media::Media;
use super::previous::Previous;
use super::{Shown, fact, tools};

/// So many fields of the context are shown.
const FIELDS: usize = 500;

/// A part of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Conversation,
    Error,
    Tools,
    Request,
    Response,
    Context,
    Metadata,
}

const ALL: [Tab; 7] =
    [Tab::Conversation, Tab::Error, Tab::Tools, Tab::Request, Tab::Response, Tab::Context, Tab::Metadata];

impl Tab {
    fn name(self) -> &'static str {
        match self {
            Tab::Conversation => "conversation",
            Tab::Error => "error",
            Tab::Tools => "tools",
            Tab::Request => "request",
            Tab::Response => "response",
            Tab::Context => "context",
            Tab::Metadata => "metadata",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Tab::Conversation => "Conversation",
            Tab::Error => "Error",
            Tab::Tools => "Tools",
            Tab::Request => "Raw request",
            Tab::Response => "Raw response",
            Tab::Context => "Context",
            Tab::Metadata => "Metadata",
        }
    }

    /// Returns the part with this name in an address; `None` for no name.
    pub(super) fn named(name: &str) -> Result<Option<Self>, ApiError> {
        if name.is_empty() {
            return Ok(None);
        }
        let tab = ALL.into_iter().find(|tab| tab.name() == name);
        tab.map(Some).ok_or_else(|| {
            ApiError::Usage(format!(
                "tab is conversation, error, tools, request, response, context or metadata, not {name}"
            ))
        })
    }
}

/// Returns the parts that the call has; the conversation is always there, and first.
pub(super) fn of(shown: &Shown) -> Vec<Tab> {
    let sizes = shown.dir.sizes();
    let has = |tab: &Tab| match tab {
        Tab::Conversation => true,
        Tab::Error => shown.metadata.as_ref().is_some_and(|metadata| metadata.status != Status::Ok),
        Tab::Tools => shown.conversation.as_ref().is_some_and(|conversation| !conversation.tools.is_empty()),
        Tab::Request => sizes.input.is_some(),
        Tab::Response => sizes.output.is_some(),
        Tab::Context => shown.metadata.is_some(),
        Tab::Metadata => shown.dir.size(METADATA_FILE).is_some(),
    };
    ALL.into_iter().filter(has).collect()
}

/// Returns the address of a part.
pub(super) fn address(shown: &Shown, tab: Tab) -> String {
    let kept = &shown.kept;
    match tab {
        Tab::Conversation => format!("{}{kept}", shown.address),
        tab => format!("{}?tab={}{}", shown.address, tab.name(), kept.replacen('?', "&", 1)),
    }
}

pub(super) fn count(shown: &Shown, tab: Tab) -> Markup {
    let conversation = shown.conversation.as_ref();
    let count = match tab {
        Tab::Conversation => conversation.map(|conversation| conversation.messages.len()),
        Tab::Tools => conversation.map(|conversation| conversation.tools.len()),
        _ => None,
    };
    html! { @if let Some(count) = count.filter(|count| *count > 0) { " " span.dim { (grouped(count as u64)) } } }
}

pub(super) fn content(shown: &Shown, tab: Tab, room: &Room) -> Markup {
    match tab {
        Tab::Conversation => conversation(shown, room),
        Tab::Error => error(shown, room),
        Tab::Tools => shown
            .conversation
            .as_ref()
            .map_or_else(|| html! {}, |conversation| tools::tools(conversation, room)),
        Tab::Request => raw(shown, INPUT_FILE, INPUT_TEXT_FILE),
        Tab::Response => raw(shown, OUTPUT_FILE, OUTPUT_TEXT_FILE),
        Tab::Context => context(shown, room),
        Tab::Metadata => raw(shown, METADATA_FILE, ""),
    }
}

fn conversation(shown: &Shown, room: &Room) -> Markup {
    let Some(conversation) = &shown.conversation else {
        return html! {
            @if shown.dir.sizes().too_large() {
                p { "A body of more than " (size(MAX_BODY)) " is not taken apart. Its beginning:" }
            } @else if shown.dir.sizes().input.is_none() {
                p.dim { "There is no request: bodies were not recorded, or their files are gone." }
            }
            @if shown.dir.sizes().input.is_some() { h2 { "Request" } (raw(shown, INPUT_FILE, INPUT_TEXT_FILE)) }
            @if shown.dir.sizes().output.is_some() { h2 { "Response" } (raw(shown, OUTPUT_FILE, OUTPUT_TEXT_FILE)) }
        };
    };
    let previous = Previous::of(&shown.dir, conversation);
    // One message is no more to read than the line that says so.
    let shared = previous.as_ref().map_or(0, |previous| previous.shared);
    let shared = if shared >= 2 { shared } else { 0 };
    let shared_says = html! {
        (plural(shared as u64, "message")) " as in the call before"
        @if let Some(previous) = &previous { ", " span.dim { (visible(previous.dir.id())) } }
    };
    let asked = Media::of_request(shown, conversation);
    let answered = Media::of_response(shown, conversation);
    let style = Style { room, gallery: &asked, shared, shared_says };
    // The answer has its room first: it is what one comes for.
    let answer = answer(conversation, room, &answered);
    html! {
        (parameters(conversation))
        @if let Some(previous) = previous.filter(|previous| previous.shared >= 2) {
            p.dim { "It goes on from " a href=(links::call(&previous.dir.address(), &shown.kept)) { (visible(previous.dir.id())) } "." }
        }
        h2 { "Request" }
        (parts::messages(conversation, &style))
        (asked.rest())
        (answer)
        (answered.rest())
    }
}

fn answer(conversation: &Conversation, room: &Room, media: &Media<'_>) -> Markup {
    html! {
        @if conversation.has_response() {
            h2 { @if conversation.failure.is_some() { "What had arrived" } @else { "Response" } }
            (parts::choices(conversation, room, media))
        }
    }
}

/// The parameters of the request that are no messages and no tools.
fn parameters(conversation: &Conversation) -> Markup {
    let parameters = &conversation.parameters;
    // Some APIs name them in another way, or in another place.
    let is_there = |name: &str| parameters.iter().any(|parameter| parameter.name == name);
    let own = [
        ("temperature", conversation.temperature.as_deref()),
        ("max_tokens", conversation.max_tokens.as_deref()),
        ("tool_choice", conversation.tool_choice.as_deref()),
        ("stream", conversation.stream.then_some("true")),
    ];
    let own =
        own.into_iter().filter(|(name, _)| !is_there(name)).filter_map(|(name, value)| Some((name, value?)));
    let all: Vec<_> =
        own.chain(parameters.iter().map(|parameter| (parameter.name, parameter.value.as_str()))).collect();
    html! {
        @if !all.is_empty() {
            p.parameters { @for (name, value) in &all { span { (name) " " code { (visible(beginning(value, 300))) } } " " } }
        }
    }
}

fn error(shown: &Shown, room: &Room) -> Markup {
    let Some(metadata) = &shown.metadata else { return html! {} };
    let response = &metadata.response_info;
    let failure = shown.conversation.as_ref().and_then(|conversation| conversation.failure.as_ref());
    html! {
        dl.facts {
            (fact("Type", &response.error_type))
            (fact("Code", &response.error_code))
            (fact("HTTP status", &response.http_status.map_or("no response".to_owned(), |status| status.to_string())))
            (fact("Content type", &response.content_type))
        }
        h2 { "Message" }
        (room.text(&response.error_message))
        @if let Some(body) = failure.and_then(|failure| failure.body.as_ref()) {
            h2 { "What the server said" }
            (room.text(body))
        }
        @if failure.is_none() && shown.dir.sizes().output.is_some() { (raw(shown, OUTPUT_FILE, OUTPUT_TEXT_FILE)) }
    }
}

fn context(shown: &Shown, room: &Room) -> Markup {
    let Some(metadata) = &shown.metadata else { return html! {} };
    let context = &metadata.context;
    let spans = &metadata.trace.spans;
    let fields: Vec<(&str, Value)> = fields(metadata);
    html! {
        @if !context.user_message.is_empty() { h2 { "User message" } (room.text(&context.user_message)) }
        h2 { "Fields of the enclosing spans" }
        @if fields.is_empty() { p.dim { "(none)" } }
        dl.facts {
            @for (name, value) in fields.iter().take(FIELDS) {
                div { dt { (visible(name)) } dd { (room.text(&text(value))) } }
            }
        }
        @if fields.len() > FIELDS { p.dim { (plural((fields.len() - FIELDS) as u64, "field")) " left out here." } }
        h2 { "Enclosing spans" }
        @if spans.is_empty() {
            @if context.spans.is_empty() { p.dim { "(none)" } } @else { p { (visible(&context.spans.join(" › "))) } }
        } @else {
            div.wide tabindex="0" role="region" aria-label="Enclosing spans" {
                table {
                    thead { tr { th scope="col" { "Span" } th scope="col" { "Id" } th scope="col" { "Opened" } } }
                    tbody {
                        @for span in spans.iter().take(FIELDS) {
                            tr {
                                td { (visible(&span.name)) }
                                td { code { (visible(&span.id)) } }
                                td { @if let Some(opened) = &span.started_at { (visible(opened)) } @else { span.dim { "not known" } } }
                            }
                        }
                    }
                }
            }
        }
        @if let (Some(trace), span) = (&metadata.trace.trace_id, &metadata.trace.span_id) {
            dl.facts { (fact("Trace id", trace)) (fact("Span id", span.as_deref().unwrap_or("–"))) }
        }
    }
}

fn fields(metadata: &Metadata) -> Vec<(&str, Value)> {
    let context = &metadata.context;
    let named = [
        ("agent_iteration", &context.agent_iteration),
        ("phase", &context.phase),
        ("round", &context.round),
        ("task_id", &context.task_id),
    ];
    // An iteration of 0 is what stands there without one.
    let named = named.into_iter().filter(|(_, value)| !value.is_null() && value.as_u64() != Some(0));
    let others = context.other.iter().map(|(name, value)| (name.as_str(), value));
    named.chain(others).map(|(name, value)| (name, value.clone())).collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(_) | Value::Object(_) => {
            let text = value.to_string();
            pretty_json(text.as_bytes()).unwrap_or(text)
        }
        other => other.to_string(),
    }
}

/// A file as it is, as far as there is room, and where the whole of it is.
fn raw(shown: &Shown, file: &str, for_people: &str) -> Markup {
    let bytes = shown.dir.size(file);
    let text = shown.dir.beginning(file, TEXT as u64 + 4);
    let text = text.map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default();
    let shown_text = beginning(&text, TEXT);
    let is_cut = bytes.is_some_and(|bytes| bytes > shown_text.len() as u64);
    html! {
        p.actions {
            code { (file) } @if let Some(bytes) = bytes { " " (size(bytes)) } " · "
            a href=(shown.below(&format!("file/{file}"))) { "As text" } " · "
            a href=(shown.below(&format!("file/{file}"))) download=(format!("{}.{file}", shown.dir.id())) { "Download" }
            @if !for_people.is_empty() && shown.dir.size(for_people).is_some() {
                " · " a href=(shown.below(&format!("file/{for_people}"))) { (for_people) }
            }
        }
        pre.raw tabindex="0" { (visible(shown_text)) }
        @if is_cut { p.dim { "This is the beginning, " (size(shown_text.len() as u64)) " of " (size(bytes.unwrap_or(0))) "." } }
    }
}
