//! Messages and answers; each tool call with its result.

use std::collections::HashMap;

use llmlogs_core::read::{Conversation, Message, Part, pretty_json};
use maud::{Markup, html};

use super::text::visible;

/// The results of a conversation's tool calls, by the calls' ids.
struct Results<'a>(HashMap<&'a str, &'a str>);

impl<'a> Results<'a> {
    /// Takes the results whose calls are in the conversation, too: the others are shown in their places.
    fn of(conversation: &'a Conversation) -> Self {
        let parts = || conversation.messages.iter().flat_map(|message| &message.parts);
        let calls: Vec<&str> = parts().filter_map(call_id).collect();
        let result = |part: &'a Part| match part {
            Part::ToolResult { id, content, .. } if calls.contains(&id.as_str()) => {
                Some((id.as_str(), content.as_str()))
            }
            _ => None,
        };
        Results(parts().filter_map(result).collect())
    }

    fn has(&self, part: &Part) -> bool {
        matches!(part, Part::ToolResult { id, .. } if self.0.contains_key(id.as_str()))
    }
}

fn call_id(part: &Part) -> Option<&str> {
    match part {
        Part::ToolCall { id, .. } | Part::ServerToolCall { id, .. } if !id.is_empty() => Some(id),
        _ => None,
    }
}

/// Returns the request's messages.
pub(crate) fn messages(conversation: &Conversation) -> Markup {
    let results = Results::of(conversation);
    // Shown with its call, a result needs no message of its own.
    let is_shown =
        |message: &&Message| message.parts.is_empty() || !message.parts.iter().all(|part| results.has(part));
    html! {
        @for message in conversation.messages.iter().filter(is_shown) {
            article {
                @if matches!(message.role.as_str(), "system" | "developer") {
                    details { summary { (visible(&message.role)) } (all(&message.parts, &results)) }
                } @else {
                    h3 { (visible(&message.role)) }
                    (all(&message.parts, &results))
                }
            }
        }
        @if conversation.messages.is_empty() {
            pre { (visible(conversation.raw_request.as_deref().unwrap_or("(not there)"))) }
        }
    }
}

/// Returns the answers.
pub(crate) fn choices(conversation: &Conversation) -> Markup {
    let results = Results(HashMap::new());
    html! {
        @for choice in &conversation.choices {
            article {
                h3 { "assistant" @if !choice.finish_reason.is_empty() { " (" (visible(&choice.finish_reason)) ")" } }
                (all(&choice.parts, &results))
            }
        }
        @if let Some(raw) = &conversation.raw_response { pre { (visible(raw)) } }
    }
}

fn all(parts: &[Part], results: &Results<'_>) -> Markup {
    html! {
        @if parts.is_empty() { p.dim { "(empty)" } }
        @for part in parts.iter().filter(|part| !results.has(part)) { (one(part, results)) }
    }
}

fn one(part: &Part, results: &Results<'_>) -> Markup {
    match part {
        Part::Reasoning { text } => html! { p.dim { "reasoning" } pre.dim { (visible(text)) } },
        Part::ToolCall { id, name, arguments } | Part::ServerToolCall { id, name, arguments } => {
            let arguments = pretty_json(arguments.as_bytes()).unwrap_or_else(|| arguments.clone());
            html! {
                p { "→ " strong { (visible(name)) } }
                pre { (visible(&arguments)) }
                @if let Some(result) = results.0.get(id.as_str()) { p.dim { "result" } pre { (visible(result)) } }
            }
        }
        Part::ToolResult { label, content, .. } => {
            html! { p.dim { "result of " (visible(label)) } pre { (visible(content)) } }
        }
        part => html! { pre { (visible(&part.to_text())) } },
    }
}
