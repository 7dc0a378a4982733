//! Messages and answers; each tool call with its result.

use llmlogs_core::read::{Choice, Conversation, Message, Part, pretty_json};
use maud::{Markup, html};

use crate::output::format::{grouped, plural, size};

use super::joined::Joined;
use super::room::Room;
use super::text::visible;

/// So many messages are shown from the beginning and from the end, and so many parts of one.
const FIRST: usize = 100;
const LAST: usize = 400;
const PARTS: usize = 300;

/// What stands for media whose bytes are not in the text: returns it for the next part of a kind.
pub(crate) trait Gallery {
    /// Returns the medium of a part that only says what it is.
    fn next(&self) -> Option<Markup>;
}

/// How messages are shown.
pub(crate) struct Style<'a> {
    pub(crate) room: &'a Room,
    pub(crate) gallery: &'a dyn Gallery,
    /// So many of the first messages are those of the call before, and what says so.
    pub(crate) shared: usize,
    pub(crate) shared_says: Markup,
}

/// The parts of several messages as one list, with which results are joined.
struct All<'a> {
    parts: Vec<&'a Part>,
    joined: Joined,
}

impl<'a> All<'a> {
    fn new(parts: Vec<&'a Part>) -> Self {
        let joined = Joined::of(&parts);
        All { parts, joined }
    }
}

/// Returns the request's messages.
pub(crate) fn messages(conversation: &Conversation, style: &Style<'_>) -> Markup {
    let messages = &conversation.messages;
    let all = All::new(messages.iter().flat_map(|message| &message.parts).collect());
    // Where the parts of each message begin.
    let mut begins = Vec::with_capacity(messages.len());
    let mut begin = 0;
    for message in messages {
        begins.push(begin);
        begin += message.parts.len();
    }
    let left_out = if messages.len() > FIRST + LAST { FIRST..messages.len() - LAST } else { 0..0 };
    let is_shown = |place: &usize| {
        let own = begins[*place]..begins[*place] + messages[*place].parts.len();
        // Shown with its call, a result needs no message of its own.
        !left_out.contains(place) && (own.is_empty() || !own.into_iter().all(|part| all.joined.has(part)))
    };
    let show = |places: std::ops::Range<usize>| {
        html! {
            @for place in places {
                @if place == left_out.start && !left_out.is_empty() {
                    p.dim { (plural(left_out.len() as u64, "message")) " left out here. They are in the raw request." }
                }
                @if is_shown(&place) { (message(&messages[place], begins[place], place, &all, style)) }
            }
        }
    };
    let system = messages.iter().take_while(|message| is_instruction(message)).count();
    let shared = style.shared.max(system);
    html! {
        (show(0..system))
        @if shared > system {
            details.shared { summary { (style.shared_says) } (show(system..shared)) }
        }
        (show(shared..messages.len()))
        @if messages.is_empty() {
            (style.room.text(conversation.raw_request.as_deref().unwrap_or("(not there)")))
        }
    }
}

fn is_instruction(message: &Message) -> bool {
    matches!(message.role.as_str(), "system" | "developer")
}

fn message(message: &Message, begin: usize, place: usize, all: &All<'_>, style: &Style<'_>) -> Markup {
    let parts = begin..begin + message.parts.len();
    let number = grouped(place as u64 + 1);
    let role = visible(&message.role);
    let class = format!("message {}", role_class(&message.role));
    html! {
        article class=(class) {
            @if is_instruction(message) {
                details {
                    summary { strong { (role) } " " span.dim { (length(&message.parts)) } " " (number_of(&number)) }
                    (shown(parts, all, style))
                }
            } @else {
                h3 { (role) " " (number_of(&number)) }
                (shown(parts, all, style))
            }
        }
    }
}

fn number_of(number: &str) -> Markup {
    html! { span.place { "#" (number) } }
}

/// Only these are part of a class: a role is any text.
fn role_class(role: &str) -> &'static str {
    match role {
        "system" | "developer" => "system",
        "user" => "user",
        "assistant" => "assistant",
        "tool" => "tool",
        _ => "other",
    }
}

fn length(parts: &[Part]) -> String {
    let bytes = |part: &Part| match part {
        Part::Text { text } => text.len() as u64,
        _ => 0,
    };
    size(parts.iter().map(bytes).sum())
}

/// Returns the answers.
pub(crate) fn choices(conversation: &Conversation, room: &Room, gallery: &dyn Gallery) -> Markup {
    let style = Style { room, gallery, shared: 0, shared_says: html! {} };
    let choices = &conversation.choices;
    html! {
        @for (place, choice) in choices.iter().enumerate().take(FIRST) {
            article.message.assistant {
                h3 {
                    @if choices.len() > 1 { "choice " (place + 1) } @else { "assistant" }
                    @if !choice.finish_reason.is_empty() { " " span.reason { (visible(&choice.finish_reason)) } }
                }
                (answer(choice, &style))
            }
        }
        @if choices.len() > FIRST {
            p.dim { (plural((choices.len() - FIRST) as u64, "choice")) " left out here. They are in the raw response." }
        }
        @if let Some(raw) = &conversation.raw_response { (room.text(raw)) }
    }
}

fn answer(choice: &Choice, style: &Style<'_>) -> Markup {
    let all = All::new(choice.parts.iter().collect());
    shown(0..choice.parts.len(), &all, style)
}

fn shown(places: std::ops::Range<usize>, all: &All<'_>, style: &Style<'_>) -> Markup {
    let left_out = places.len().saturating_sub(PARTS);
    html! {
        @if places.is_empty() { p.dim { "(empty)" } }
        @for place in places.take(PARTS).filter(|place| !all.joined.has(*place)) { (one(place, all, style)) }
        @if left_out > 0 { p.dim { (plural(left_out as u64, "part")) " left out here. They are in the raw body." } }
    }
}

fn one(place: usize, all: &All<'_>, style: &Style<'_>) -> Markup {
    let room = style.room;
    match all.parts[place] {
        Part::Text { text } => room.text(text),
        Part::Refusal { text } => html! { p.label.warn { "refusal" } (room.text(text)) },
        Part::Reasoning { text } => html! { div.reasoning { p.label { "reasoning" } (room.text(text)) } },
        Part::ToolCall { id, name, arguments } => tool_call("calls", (id, name, arguments), place, all, room),
        Part::ServerToolCall { id, name, arguments } => {
            tool_call("the provider calls", (id, name, arguments), place, all, room)
        }
        Part::ToolResult { label, content, .. } => html! {
            div.call { p.label { "result of " strong { (visible(label)) } " " span.dim { "(its call is not here)" } }
                (room.text(&indented(content))) }
        },
        part @ Part::Media { source, .. } => {
            let medium = if source.is_empty() { style.gallery.next() } else { None };
            html! { div.medium { pre { (visible(&part.to_text())) } @if let Some(medium) = medium { (medium) } } }
        }
        part => room.text(&part.to_text()),
    }
}

fn tool_call(
    says: &str,
    (id, name, arguments): (&str, &str, &str),
    place: usize,
    all: &All<'_>,
    room: &Room,
) -> Markup {
    let results = all.joined.results(place);
    html! {
        div.call {
            p.label { (says) " " strong { (visible(name)) } @if !id.is_empty() { " " code.dim { (visible(id)) } } }
            (room.text(&indented(arguments)))
            @for result in results {
                @if let Part::ToolResult { content, .. } = all.parts[*result] {
                    div.result { p.label { "result" } (room.text(&indented(content))) }
                }
            }
        }
    }
}

/// Returns JSON indented, and anything else as it is. What is cut anyway need not be.
fn indented(text: &str) -> String {
    let is_object = text.trim_start().starts_with(['{', '[']) && text.len() < 1 << 20;
    is_object.then(|| pretty_json(text.as_bytes())).flatten().unwrap_or_else(|| text.to_owned())
}
