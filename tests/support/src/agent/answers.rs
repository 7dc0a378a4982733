//! The providers' answers, in each one's own shape.

use std::time::Duration;

use serde_json::{Value, json};

use super::tasks::{self, Task};
use crate::api::Answer;

/// Returns a streamed answer of Anthropic's: a thought, then the plan.
pub(super) fn anthropic(request: &Value, thrown: u32) -> Answer {
    let task = tasks::of(&request["messages"].to_string());
    let input = 320 + 3 * thrown;
    let mut events = vec![json!({"type": "message_start", "message": {
        "id": format!("msg_01{thrown:04}"), "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929", "content": [],
        "stop_reason": null, "usage": {"input_tokens": input, "cache_read_input_tokens": 1_024, "output_tokens": 1}}})];
    for (index, kind, delta, text) in
        [(0, "thinking", "thinking_delta", task.thought), (1, "text", "text_delta", task.plan)]
    {
        events.push(
            json!({"type": "content_block_start", "index": index, "content_block": {"type": kind, kind: ""}}),
        );
        events.extend(pieces(text).map(
            |piece| json!({"type": "content_block_delta", "index": index, "delta": {"type": delta, kind: piece}}),
        ));
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    events.push(json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": words(task.thought) + words(task.plan)}}));
    events.push(json!({"type": "message_stop"}));
    let chunks = events
        .iter()
        .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default()));
    paced(Answer::chunks("text/event-stream", chunks.map(String::into_bytes).collect()), thrown)
        .header("request-id", &format!("req_011CV{thrown:03}"))
}

/// Returns an answer of OpenAI's chat completions, streamed if that is asked for: a tool call first if there are tools.
pub(super) fn chat(request: &Value, thrown: u32) -> Answer {
    let messages = request["messages"].to_string();
    let task = tasks::of(&messages);
    let has_result = messages.contains(r#""role":"tool""#);
    let model = match request["model"].as_str().unwrap_or_default() {
        "gpt-4o" => "gpt-4o-2024-08-06",
        "gpt-4o-mini" => "gpt-4o-mini-2024-07-18",
        other => other,
    };
    let chunk = |delta: Value, finish: Value, usage: Value| {
        json!({"id": format!("chatcmpl-{thrown:04}"), "object": "chat.completion.chunk", "created": 1_764_000_000, "model": model,
               "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], "usage": usage})
    };
    let mut events = vec![chunk(json!({"role": "assistant", "content": ""}), Value::Null, Value::Null)];
    let (text, finish) = if request["tools"].is_array() && !has_result {
        let function = json!({"name": task.tool, "arguments": ""});
        let start = json!([{"index": 0, "id": format!("call_{thrown:04}"), "type": "function", "function": function}]);
        events.push(chunk(json!({"tool_calls": start}), Value::Null, Value::Null));
        events.extend(pieces(task.arguments).map(|piece| {
            let more = json!([{"index": 0, "function": {"arguments": piece}}]);
            chunk(json!({"tool_calls": more}), Value::Null, Value::Null)
        }));
        (task.arguments, "tool_calls")
    } else {
        let text = if request["tools"].is_array() { task.answer } else { task.review };
        let delta = |piece| chunk(json!({"content": piece}), Value::Null, Value::Null);
        events.extend(pieces(text).map(delta));
        (text, "stop")
    };
    let (prompt, completion) = (words(&messages) + 180, words(text));
    let usage = json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
                       "prompt_tokens_details": {"cached_tokens": if has_result { prompt / 128 * 128 } else { 0 }}});
    events.push(chunk(json!({}), json!(finish), usage));
    let mut texts: Vec<String> = events.iter().map(Value::to_string).collect();
    texts.push("[DONE]".to_owned());
    paced(Answer::events(&texts.iter().map(String::as_str).collect::<Vec<_>>()), thrown)
        .header("x-request-id", &format!("req_{thrown:04}"))
}

/// Returns an answer of Gemini's, whole.
pub(super) fn gemini(request: &Value, thrown: u32) -> Answer {
    let task: &Task = tasks::of(&request["contents"].to_string());
    let (prompt, completion, thoughts) = (words(&request.to_string()), words(task.review), 40 + thrown);
    let body = json!({
        "candidates": [{"content": {"role": "model", "parts": [{"text": task.review}]}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": prompt, "candidatesTokenCount": completion, "thoughtsTokenCount": thoughts,
                          "totalTokenCount": prompt + completion + thoughts as usize},
        "modelVersion": "gemini-2.5-flash", "responseId": format!("resp-{thrown:04}"),
    });
    let body = body.to_string().into_bytes();
    Answer::chunks("application/json", vec![body]).pause(Duration::from_millis(300 + 12 * u64::from(thrown)))
}

/// Returns embeddings, shorter than real ones.
pub(super) fn embeddings(request: &Value) -> Answer {
    let vector: Vec<f64> = (0..8).map(|place| f64::from(place) / 16.0 - 0.25).collect();
    let inputs = request["input"].as_array().map_or(1, Vec::len);
    let data: Vec<Value> = (0..inputs)
        .map(|index| json!({"object": "embedding", "index": index, "embedding": vector}))
        .collect();
    let tokens = words(&request["input"].to_string());
    let body = json!({"object": "list", "model": "text-embedding-3-small", "data": data,
                      "usage": {"prompt_tokens": tokens, "total_tokens": tokens}});
    Answer::chunks("application/json", vec![body.to_string().into_bytes()]).pause(Duration::from_millis(90))
}

/// Returns the message that a streamed answer of chat completions makes, as the next request repeats it.
pub(super) fn message_of_stream(body: &str) -> Value {
    let (mut content, mut arguments, mut call) = (String::new(), String::new(), None);
    let events = body.lines().filter_map(|line| line.strip_prefix("data: "));
    for event in events.filter_map(|event| serde_json::from_str::<Value>(event).ok()) {
        let delta = &event["choices"][0]["delta"];
        content += delta["content"].as_str().unwrap_or_default();
        if let Some(piece) = delta.pointer("/tool_calls/0") {
            arguments += piece["function"]["arguments"].as_str().unwrap_or_default();
            call.get_or_insert_with(|| piece.clone());
        }
    }
    match call {
        None => json!({"role": "assistant", "content": content}),
        Some(call) => {
            json!({"role": "assistant", "content": null, "tool_calls": [{"id": call["id"], "type": "function",
            "function": {"name": call["function"]["name"], "arguments": arguments}}]})
        }
    }
}

/// A stream is slow or quick, and now and then very slow.
fn paced(answer: Answer, thrown: u32) -> Answer {
    let pause = if thrown % 23 == 7 { 160 } else { 12 + thrown / 2 };
    answer.pause(Duration::from_millis(u64::from(pause)))
}

/// Cuts a text behind each second space.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut spaces = 0;
    text.split_inclusive(move |character| {
        spaces += usize::from(character == ' ');
        character == ' ' && spaces % 2 == 0
    })
}

/// Returns about as many tokens as the text has.
fn words(text: &str) -> usize {
    text.len() / 4 + 1
}
