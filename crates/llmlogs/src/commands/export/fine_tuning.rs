//! Conversations as OpenAI's chat fine-tuning takes them:
//! <https://platform.openai.com/docs/guides/supervised-fine-tuning>.

use std::collections::VecDeque;
use std::io::Write;

use serde_json::{Value, json};

use llmlogs_core::read::{Choice, Entry, Message, Part};

use super::{LeftOut, Writer, finished_metadata};
use crate::outcome::CliError;

pub(crate) struct FineTuning;

impl Writer for FineTuning {
    fn call(&mut self, entry: &Entry, sink: &mut dyn Write) -> Result<Option<LeftOut>, CliError> {
        match example(entry) {
            Ok(example) => {
                writeln!(sink, "{example}")?;
                Ok(None)
            }
            Err(left_out) => Ok(Some(left_out)),
        }
    }
}

/// Returns the conversation of a call with its answer, else why it is no example to learn from.
fn example(entry: &Entry) -> Result<Value, LeftOut> {
    let metadata = finished_metadata(entry)?;
    if metadata.response_info.error {
        return Err(LeftOut::Failed);
    }
    if metadata.truncated.input || metadata.truncated.output {
        return Err(LeftOut::Cut);
    }
    let call = entry.call();
    let (Ok(input), Ok(output)) = (call.input(), call.output()) else { return Err(LeftOut::NoBodies) };
    let conversation = call.conversation().map_err(|_unreadable| LeftOut::Unreadable)?;
    if conversation.messages.is_empty() {
        return Err(LeftOut::NoConversation);
    }
    if conversation.is_openai_chat {
        return same_shape(&input, &output);
    }
    of_another_shape(&conversation.messages, conversation.choices.first().ok_or(LeftOut::NoAnswer)?)
}

/// A chat completion is in the right shape already; only the answer has to join.
fn same_shape(input: &[u8], output: &[u8]) -> Result<Value, LeftOut> {
    let request = parsed(input).ok_or(LeftOut::NoConversation)?;
    let response = parsed(output).ok_or(LeftOut::NoAnswer)?;
    let messages = request.get("messages").and_then(Value::as_array).ok_or(LeftOut::NoConversation)?;
    let mut answer = response.pointer("/choices/0/message").cloned().ok_or(LeftOut::NoAnswer)?;
    // What providers add to their answers is not taken back.
    let known = ["role", "content", "tool_calls", "refusal", "name"];
    answer
        .as_object_mut()
        .ok_or(LeftOut::NoAnswer)?
        .retain(|key, value| known.contains(&key.as_str()) && (!value.is_null() || key == "content"));
    if is_empty(&answer) {
        return Err(LeftOut::NoAnswer);
    }
    if messages.iter().any(|message| message["role"] == "assistant" && is_empty(message)) {
        return Err(LeftOut::EmptyMessage);
    }
    let mut messages = messages.clone();
    messages.push(answer);
    if messages.iter().any(has_elided_media) {
        return Err(LeftOut::Media);
    }
    let mut example = json!({"messages": messages});
    for key in ["tools", "parallel_tool_calls"] {
        if let Some(value) = request.get(key).filter(|value| !value.is_null()) {
            example[key] = value.clone();
        }
    }
    Ok(example)
}

fn parsed(body: &[u8]) -> Option<Value> {
    serde_json::from_str(&String::from_utf8_lossy(body)).ok()
}

/// Returns whether a message of the assistant has neither content nor calls of tools.
fn is_empty(message: &Value) -> bool {
    let says_nothing = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    ["content", "tool_calls", "function_call"].into_iter().all(|key| says_nothing(&message[key]))
}

/// Returns whether a stand-in for media is anywhere in a message.
fn has_elided_media(json: &Value) -> bool {
    match json {
        Value::Object(members) => {
            let is_elided = members.get("elided").is_some_and(|elided| elided.get("sha256").is_some());
            is_elided || members.values().any(has_elided_media)
        }
        Value::Array(items) => items.iter().any(has_elided_media),
        _ => false,
    }
}

/// A conversation with another API.
fn of_another_shape(conversation: &[Message], answer: &Choice) -> Result<Value, LeftOut> {
    let is_media = |part: &Part| matches!(part, Part::Media { .. });
    if conversation.iter().flat_map(|message| &message.parts).chain(&answer.parts).any(is_media) {
        return Err(LeftOut::Media);
    }
    let mut messages: Vec<Value> = Vec::new();
    let mut ids = CallIds::default();
    for message in conversation {
        messages.extend(converted(&message.role, &message.parts, &mut ids));
    }
    let answer = converted("assistant", &answer.parts, &mut ids);
    if answer.iter().all(is_empty) {
        return Err(LeftOut::NoAnswer);
    }
    messages.extend(answer);
    Ok(json!({"messages": messages}))
}

/// Ids for tool calls of APIs that have other ones, or none; results answer in the order of the calls.
#[derive(Default)]
struct CallIds {
    given: usize,
    open: VecDeque<String>,
}

impl CallIds {
    fn give(&mut self) -> String {
        self.given += 1;
        let id = format!("call_{}", self.given);
        self.open.push_back(id.clone());
        id
    }

    fn answer(&mut self, of: &str) -> String {
        self.open.pop_front().unwrap_or_else(|| of.to_owned())
    }
}

/// A message of another API.
fn converted(role: &str, parts: &[Part], ids: &mut CallIds) -> Vec<Value> {
    let mut messages = Vec::new();
    let mut texts = Vec::new();
    let mut calls = Vec::new();
    for part in parts {
        match part {
            Part::ToolCall { name, arguments, .. } => {
                calls.push(json!({"id": ids.give(), "type": "function", "function": {"name": name, "arguments": arguments}}));
            }
            Part::ToolResult { label, content, .. } => {
                messages.push(json!({"role": "tool", "tool_call_id": ids.answer(label), "content": content}));
            }
            Part::Reasoning { .. } | Part::ServerToolCall { .. } => {}
            part => texts.push(part.to_text()),
        }
    }
    if !texts.is_empty() || !calls.is_empty() {
        let role = if role == "developer" { "system" } else { role };
        let mut message = json!({"role": role, "content": texts.join("\n")});
        if !calls.is_empty() {
            message["tool_calls"] = calls.into();
        }
        messages.push(message);
    }
    messages
}
