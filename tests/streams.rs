//! Streams of every API over a real socket, cut anywhere: what is recorded does not depend on the cut,
//! on line ends, on comments, on a missing last blank line or on a byte order mark.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use llmlogs_test_support as support;

use reqwest_middleware::ClientBuilder;
use serde_json::{Value, json};
use support::api::{Answer, Api};
use tracing_llmlogs::LlmLogMiddleware;
use tracing_subscriber::prelude::*;

/// A stream as one API sends it, and the object that it must fold into.
struct Stream {
    path: &'static str,
    content_type: &'static str,
    body: Vec<u8>,
    expected: Value,
    usage: [u64; 3],
}

fn sse(events: &[(&str, Value)]) -> Vec<u8> {
    let mut body = String::new();
    for (name, data) in events {
        if !name.is_empty() {
            body += &format!("event: {name}\n");
        }
        body += &match data {
            Value::String(text) => format!("data: {text}\n\n"),
            data => format!("data: {data}\n\n"),
        };
    }
    body.into_bytes()
}

fn chat() -> Stream {
    let chunk = |choices: Value, usage: Value| {
        (
            "",
            json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, "usage": usage}),
        )
    };
    let delta =
        |delta: Value| chunk(json!([{"index": 0, "delta": delta, "finish_reason": null}]), Value::Null);
    let body = sse(&[
        delta(json!({"role": "assistant", "content": ""})),
        delta(json!({"reasoning_content": "Hm, 你"})),
        delta(json!({"reasoning_content": "好 😀"})),
        delta(json!({"content": "Grüß "})),
        delta(json!({"content": "Gott\n\"quoted\""})),
        delta(
            json!({"tool_calls": [{"index": 0, "id": "t1", "type": "function", "function": {"name": "a", "arguments": ""}}]}),
        ),
        delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": "{\"x\":"}}]})),
        delta(
            json!({"tool_calls": [{"index": 1, "id": "t2", "type": "function", "function": {"name": "b", "arguments": "{}"}}]}),
        ),
        delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": "\"😀\"}"}}]})),
        chunk(json!([{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]), Value::Null),
        chunk(json!([]), json!({"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13})),
        ("", json!("[DONE]")),
    ]);
    let expected = json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0, "message": {
        "role": "assistant", "content": "Grüß Gott\n\"quoted\"", "reasoning_content": "Hm, 你好 😀", "tool_calls": [
            {"id": "t1", "type": "function", "function": {"name": "a", "arguments": "{\"x\":\"😀\"}"}},
            {"id": "t2", "type": "function", "function": {"name": "b", "arguments": "{}"}}]},
        "finish_reason": "tool_calls"}], "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}});
    let path = "/v1/chat/completions";
    Stream { path, content_type: "text/event-stream", body, expected, usage: [9, 4, 13] }
}

#[tokio::test]
async fn a_finish_reason_far_from_the_end_of_a_stream_without_end_mark_was_not_seen() {
    let chunk =
        |choices: Value| ("", json!({"id": "c", "object": "chat.completion.chunk", "choices": choices}));
    let content =
        |reason: Value| chunk(json!([{"index": 0, "delta": {"content": "Hi"}, "finish_reason": reason}]));
    let mut events = vec![content(Value::Null); 4];
    events.push(content(json!("stop")));
    events.extend(vec![chunk(json!([])); 12]);
    let body = sse(&events);
    let answer = || Answer::chunks("text/event-stream", vec![body.clone()]);
    let (layer, recorded) = support::recorder();
    let log = support::Log::default();
    let fmt = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
        .with_writer(log.clone());
    let _default = tracing_subscriber::registry().with(layer).with(fmt).set_default();
    let client = ClientBuilder::new(reqwest::Client::new()).with(LlmLogMiddleware::new()).build();
    let api = Api::start([answer(), answer().then_hang()]).await;
    for _ in 0..2 {
        let request = client.post(api.chat()).json(&json!({"model": "m", "stream": true, "messages": []}));
        let mut response = request.send().await.unwrap();
        let mut got = 0;
        while got < body.len() {
            got += response.chunk().await.unwrap().unwrap().len();
        }
    }
    for call in recorded.calls() {
        call.assert_meta(&[("/status", "ok".into()), ("/response_info/finish_reason", "stop".into())]);
    }
    let log = log.text();
    assert!(log.contains("http.response.status_code=200") && !log.contains("error.type"), "{log}");
}

fn anthropic() -> Stream {
    let event = |data: Value| (data["type"].as_str().unwrap().to_owned(), data);
    let events = [
        event(
            json!({"type": "message_start", "message": {"id": "msg", "type": "message", "role": "assistant", "model": "claude",
            "content": [], "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 5, "cache_read_input_tokens": 3, "output_tokens": 1}}}),
        ),
        event(
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        ),
        event(json!({"type": "ping"})),
        event(
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi "}}),
        ),
        event(
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "你好"}}),
        ),
        event(json!({"type": "content_block_stop", "index": 0})),
        event(
            json!({"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "t", "name": "a", "input": {}}}),
        ),
        event(
            json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{\"x\": "}}),
        ),
        event(
            json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "[1.0]}"}}),
        ),
        event(json!({"type": "content_block_stop", "index": 1})),
        event(
            json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null}, "usage": {"output_tokens": 7}}),
        ),
        event(json!({"type": "message_stop"})),
    ];
    let events: Vec<_> = events.iter().map(|(name, data)| (name.as_str(), data.clone())).collect();
    let expected = json!({"id": "msg", "type": "message", "role": "assistant", "model": "claude", "content": [
        {"type": "text", "text": "Hi 你好"}, {"type": "tool_use", "id": "t", "name": "a", "input": {"x": [1.0]}}],
        "stop_reason": "tool_use", "stop_sequence": null,
        "usage": {"input_tokens": 5, "cache_read_input_tokens": 3, "output_tokens": 7}});
    let path = "/v1/messages";
    Stream {
        path,
        content_type: "text/event-stream; charset=utf-8",
        body: sse(&events),
        expected,
        usage: [8, 7, 15],
    }
}

fn responses() -> Stream {
    let item = json!({"type": "message", "id": "m1", "status": "completed", "role": "assistant",
        "content": [{"type": "output_text", "text": "Hi 😀", "annotations": []}]});
    let usage = json!({"input_tokens": 5, "output_tokens": 7, "total_tokens": 12, "output_tokens_details": {"reasoning_tokens": 2}});
    let response = |status: &str, output: Value, usage: Value| json!({"id": "resp", "object": "response", "created_at": 1, "status": status, "model": "m", "output": output, "usage": usage});
    let events = [
        json!({"type": "response.created", "sequence_number": 0, "response": response("in_progress", json!([]), Value::Null)}),
        json!({"type": "response.output_text.delta", "sequence_number": 1, "item_id": "m1", "output_index": 0, "content_index": 0, "delta": "Hi 😀"}),
        json!({"type": "response.output_item.done", "sequence_number": 2, "output_index": 0, "item": item}),
        // The closing event without the items that came before it.
        json!({"type": "response.completed", "sequence_number": 3, "response": response("completed", json!([]), usage.clone())}),
    ];
    let events: Vec<_> = events.iter().map(|data| (data["type"].as_str().unwrap(), data.clone())).collect();
    let expected = response("completed", json!([item]), usage);
    Stream {
        path: "/v1/responses",
        content_type: "text/event-stream",
        body: sse(&events),
        expected,
        usage: [5, 7, 12],
    }
}

fn gemini() -> Stream {
    let usage = json!({"promptTokenCount": 5, "candidatesTokenCount": 2, "thoughtsTokenCount": 3, "totalTokenCount": 10});
    let chunk = |parts: Value, finish: Value| {
        let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
        if !finish.is_null() {
            candidate["finishReason"] = finish;
        }
        (
            "",
            json!({"candidates": [candidate], "usageMetadata": usage.clone(), "modelVersion": "g", "responseId": "r"}),
        )
    };
    let body = sse(&[
        chunk(json!([{"text": "Hm", "thought": true}]), Value::Null),
        chunk(json!([{"text": "Hi "}]), Value::Null),
        chunk(json!([{"text": "你好"}]), json!("STOP")),
    ]);
    let expected = json!({"candidates": [{"content": {"parts": [{"text": "Hm", "thought": true}, {"text": "Hi 你好"}], "role": "model"},
        "index": 0, "finishReason": "STOP"}], "usageMetadata": usage, "modelVersion": "g", "responseId": "r"});
    let path = "/v1beta/models/g:streamGenerateContent";
    Stream { path, content_type: "text/event-stream", body, expected, usage: [5, 5, 10] }
}

fn ollama() -> Stream {
    let line = |content: &str, thinking: Value, done: bool| {
        let mut line = json!({"model": "q", "created_at": "2025-01-01T00:00:00Z", "message": {"role": "assistant", "content": content}, "done": done});
        if !thinking.is_null() {
            line["message"]["thinking"] = thinking;
        }
        if done {
            line["done_reason"] = "stop".into();
            line["prompt_eval_count"] = 5.into();
            line["eval_count"] = 2.into();
        }
        line.to_string() + "\n"
    };
    let body = line("", json!("Hm"), false)
        + &line("Hi ", Value::Null, false)
        + &line("你好", Value::Null, false)
        + &line("", Value::Null, true);
    let expected = json!({"model": "q", "created_at": "2025-01-01T00:00:00Z", "done": true, "done_reason": "stop",
        "message": {"role": "assistant", "content": "Hi 你好", "thinking": "Hm"}, "prompt_eval_count": 5, "eval_count": 2});
    Stream {
        path: "/api/chat",
        content_type: "application/x-ndjson",
        body: body.into_bytes(),
        expected,
        usage: [5, 2, 7],
    }
}

/// The same stream as another server would write it.
fn variants(stream: &Stream) -> Vec<Vec<u8>> {
    let text = String::from_utf8(stream.body.clone()).unwrap();
    if stream.content_type.contains("ndjson") {
        return vec![
            stream.body.clone(),
            text.replace('\n', "\r\n").into(),
            text.trim_end().into(),
            text.replace('\n', "\n\n").into(),
        ];
    }
    vec![
        stream.body.clone(),
        text.replace('\n', "\r\n").into(),
        text.trim_end().into(),
        format!("\u{feff}: hello\n\n{}", text.replace("\n\n", "\n\n: keep-alive\n\n")).into(),
    ]
}

/// `body` in pieces of 1 to 40 bytes, which differ with `seed`.
fn cut(body: &[u8], seed: u64) -> Vec<Vec<u8>> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut pieces = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let (piece, tail) = rest.split_at(rest.len().min(1 + (state % 40) as usize));
        pieces.push(piece.to_vec());
        rest = tail;
    }
    pieces
}

#[tokio::test]
async fn what_is_recorded_does_not_depend_on_how_a_stream_is_cut_or_written() {
    for stream in [chat(), anthropic(), responses(), gemini(), ollama()] {
        for (variant, body) in variants(&stream).into_iter().enumerate() {
            let (subscriber, recorded) = support::subscriber();
            let _default = tracing::dispatcher::set_default(&subscriber);
            let seeds = 1..=4;
            let answers: Vec<_> =
                seeds.clone().map(|seed| Answer::chunks(stream.content_type, cut(&body, seed))).collect();
            let api = Api::start(answers).await;
            let http = reqwest::Client::builder().no_proxy().build().unwrap();
            let client = ClientBuilder::new(http).with(LlmLogMiddleware::new()).build();
            for _ in seeds {
                let url = format!("{}{}", api.url, stream.path);
                let got = client.post(url).body("{}").send().await.unwrap().bytes().await.unwrap();
                assert_eq!(got, body, "{}", stream.path);
            }
            for call in recorded.calls() {
                assert_eq!(call.json("output.json"), stream.expected, "{} variant {variant}", stream.path);
                call.assert_meta(&[
                    ("/status", json!("ok")),
                    ("/usage/prompt_tokens", json!(stream.usage[0])),
                    ("/usage/completion_tokens", json!(stream.usage[1])),
                    ("/usage/total_tokens", json!(stream.usage[2])),
                ]);
                assert_ne!(call.meta("/performance/time_to_first_token_ms"), json!(null), "{}", stream.path);
            }
        }
    }
}

#[tokio::test]
async fn a_stream_cut_off_anywhere_keeps_what_had_come_and_never_fails_the_recorder() {
    for stream in [chat(), anthropic(), responses(), gemini(), ollama()] {
        let (subscriber, recorded) = support::subscriber();
        let _default = tracing::dispatcher::set_default(&subscriber);
        let cuts: Vec<usize> = (1..stream.body.len()).step_by(37).collect();
        let answers: Vec<_> = cuts
            .iter()
            .map(|at| Answer::chunks(stream.content_type, vec![stream.body[..*at].to_vec()]).then_break())
            .collect();
        let api = Api::start(answers).await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let client = ClientBuilder::new(http).with(LlmLogMiddleware::new()).build();
        for _ in &cuts {
            let url = format!("{}{}", api.url, stream.path);
            client.post(url).body("{}").send().await.unwrap().bytes().await.unwrap_err();
        }
        let calls = recorded.calls();
        assert_eq!(calls.len(), cuts.len());
        for call in &calls {
            call.assert_meta(&[
                ("/status", json!("error")),
                ("/response_info/error_type", json!("StreamError")),
            ]);
        }
        let last = calls.last().unwrap().json("output.json");
        assert!(last["partial"].is_object(), "{last}");
        assert_eq!((recorded.guard.stats().lost, recorded.guard.stats().write_errors), (0, 0));
    }
}
