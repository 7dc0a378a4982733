//! Conversations as OpenAI's chat fine-tuning takes them:
//! <https://platform.openai.com/docs/guides/supervised-fine-tuning>.

use std::collections::VecDeque;
use std::io::Write;

use serde_json::{Value, json};

use llmlogs_core::read::{Entry, Part};

use super::{Contents, Writer, contents};
use crate::outcome::CliError;

pub(crate) struct FineTuning;

impl Writer for FineTuning {
    fn call(&mut self, entry: &Entry, sink: &mut dyn Write) -> Result<bool, CliError> {
        let Some(example) = contents(entry.call()).and_then(|contents| example(entry, &contents)) else {
            return Ok(false);
        };
        writeln!(sink, "{example}")?;
        Ok(true)
    }
}

fn example(entry: &Entry, contents: &Contents) -> Option<Value> {
    let cut = contents.metadata.truncated;
    if contents.metadata.response_info.error || cut.input || cut.output {
        return None;
    }
    let conversation = entry.call().conversation().ok()?;
    if conversation.is_openai_chat {
        return same_shape(&contents.input, &contents.output);
    }
    let mut messages: Vec<Value> = Vec::new();
    let mut ids = CallIds::default();
    for message in &conversation.messages {
        messages.extend(converted(&message.role, &message.parts, &mut ids));
    }
    let answer = conversation.choices.first()?;
    messages.extend(converted("assistant", &answer.parts, &mut ids));
    (messages.len() > 1).then(|| json!({"messages": messages}))
}

/// A chat completion is in the right shape already; only the answer has to join.
fn same_shape(input: &[u8], output: &[u8]) -> Option<Value> {
    let request: Value = serde_json::from_str(&String::from_utf8_lossy(input)).ok()?;
    let response: Value = serde_json::from_str(&String::from_utf8_lossy(output)).ok()?;
    let mut messages = request.get("messages")?.as_array()?.clone();
    let mut answer = response.pointer("/choices/0/message")?.clone();
    // What providers add to their answers is not taken back.
    let known = ["role", "content", "tool_calls", "refusal", "name"];
    answer
        .as_object_mut()?
        .retain(|key, value| known.contains(&key.as_str()) && (!value.is_null() || key == "content"));
    messages.push(answer);
    let mut example = json!({"messages": messages});
    for key in ["tools", "parallel_tool_calls"] {
        if let Some(value) = request.get(key).filter(|value| !value.is_null()) {
            example[key] = value.clone();
        }
    }
    Some(example)
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
