//! Reading answers: a stream of 500 chunks folded into one object and a body of 20 KB, each API's own, beside
//! `serde_json::from_slice::<Value>` of the same JSON. Serde gets the events cut out already and folds nothing; of
//! Bedrock's `invoke` it also gets the events inside the envelopes, for somebody has to parse both.

#![allow(missing_docs, clippy::unwrap_used, reason = "a bench")]

#[path = "support/core.rs"]
mod core;
mod support;

use std::hint::black_box;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use llmlogs_core::capture::Api;
use serde_json::Value;

/// The APIs, their names here and their providers'.
const APIS: [(Api, &str, &str); 9] = [
    (Api::OpenAiChat, "openai_chat", "openai"),
    (Api::OpenAiResponses, "openai_responses", "openai"),
    (Api::Anthropic, "anthropic", "anthropic"),
    (Api::Gemini, "gemini", "gcp.gemini"),
    (Api::GeminiInteractions, "gemini_interactions", "gcp.gemini"),
    (Api::BedrockConverse, "bedrock_converse", "aws.bedrock"),
    (Api::BedrockInvoke, "bedrock_invoke", "aws.bedrock"),
    (Api::CohereChat, "cohere", "cohere"),
    (Api::Ollama, "ollama", "ollama"),
];

const CHUNKS: usize = 500;

/// What a chunk says.
const WORD: &str = " faithfully\\n";

/// A stream's events by name, its framing and its content type.
struct Stream {
    content_type: &'static str,
    events: Vec<(&'static str, String)>,
}

fn stream(api: &str) -> Stream {
    let sse = "text/event-stream";
    let (content_type, first, chunk, last): (_, Vec<(_, &str)>, (_, String), Vec<(_, &str)>) = match api {
        "openai_chat" => (
            sse,
            vec![(
                "",
                r#"{"id":"c","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
            )],
            (
                "",
                format!(
                    r#"{{"id":"c","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o","system_fingerprint":"fp_1","choices":[{{"index":0,"delta":{{"content":"{WORD}"}},"logprobs":null,"finish_reason":null}}]}}"#
                ),
            ),
            vec![
                (
                    "",
                    r#"{"id":"c","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
                ),
                (
                    "",
                    r#"{"id":"c","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":500,"total_tokens":509}}"#,
                ),
                ("", "[DONE]"),
            ],
        ),
        "openai_responses" => (
            sse,
            vec![
                (
                    "response.created",
                    r#"{"type":"response.created","sequence_number":0,"response":{"id":"r","object":"response","status":"in_progress","model":"gpt-5","output":[]}}"#,
                ),
                (
                    "response.output_item.added",
                    r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"msg","type":"message","status":"in_progress","role":"assistant","content":[]}}"#,
                ),
                (
                    "response.content_part.added",
                    r#"{"type":"response.content_part.added","item_id":"msg","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}"#,
                ),
            ],
            (
                "response.output_text.delta",
                format!(
                    r#"{{"type":"response.output_text.delta","sequence_number":7,"item_id":"msg","output_index":0,"content_index":0,"delta":"{WORD}","logprobs":[],"obfuscation":"Ue0Zx"}}"#
                ),
            ),
            vec![(
                "response.completed",
                r#"{"type":"response.completed","response":{"id":"r","object":"response","status":"completed","model":"gpt-5","output":[],"usage":{"input_tokens":9,"output_tokens":500,"total_tokens":509}}}"#,
            )],
        ),
        "anthropic" => (
            sse,
            ANTHROPIC_FIRST.to_vec(),
            ("content_block_delta", anthropic_chunk()),
            ANTHROPIC_LAST.to_vec(),
        ),
        "gemini" => (
            sse,
            vec![],
            (
                "",
                format!(
                    r#"{{"candidates":[{{"content":{{"parts":[{{"text":"{WORD}"}}],"role":"model"}},"index":0}}],"usageMetadata":{{"promptTokenCount":9,"candidatesTokenCount":5,"totalTokenCount":14}},"modelVersion":"gemini-3-pro","responseId":"r"}}"#
                ),
            ),
            vec![(
                "",
                r#"{"candidates":[{"content":{"parts":[{"text":"."}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":500,"totalTokenCount":509},"modelVersion":"gemini-3-pro","responseId":"r"}"#,
            )],
        ),
        "gemini_interactions" => (
            sse,
            vec![
                (
                    "",
                    r#"{"event_type":"interaction.created","interaction":{"id":"i","model":"gemini-3","object":"interaction","status":"in_progress"}}"#,
                ),
                ("", r#"{"event_type":"step.start","index":0,"step":{"type":"model_output"}}"#),
            ],
            (
                "",
                format!(
                    r#"{{"event_type":"step.delta","index":0,"delta":{{"type":"text","text":"{WORD}"}}}}"#
                ),
            ),
            vec![
                ("", r#"{"event_type":"step.stop","index":0}"#),
                (
                    "",
                    r#"{"event_type":"interaction.completed","interaction":{"id":"i","status":"completed","usage":{"total_input_tokens":9,"total_output_tokens":500,"total_tokens":509}}}"#,
                ),
                ("", "[DONE]"),
            ],
        ),
        "bedrock_converse" => (
            "application/vnd.amazon.eventstream",
            vec![("messageStart", r#"{"p":"abc","role":"assistant"}"#)],
            (
                "contentBlockDelta",
                format!(r#"{{"contentBlockIndex":0,"delta":{{"text":"{WORD}"}},"p":"abcdefgh"}}"#),
            ),
            vec![
                ("contentBlockStop", r#"{"contentBlockIndex":0,"p":"a"}"#),
                ("messageStop", r#"{"p":"a","stopReason":"end_turn"}"#),
                (
                    "metadata",
                    r#"{"metrics":{"latencyMs":7},"p":"a","usage":{"inputTokens":9,"outputTokens":500,"totalTokens":509}}"#,
                ),
            ],
        ),
        "bedrock_invoke" => (
            "application/vnd.amazon.eventstream",
            ANTHROPIC_FIRST.to_vec(),
            ("", anthropic_chunk()),
            ANTHROPIC_LAST.to_vec(),
        ),
        "cohere" => (
            sse,
            vec![
                (
                    "message-start",
                    r#"{"id":"c","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}"#,
                ),
                (
                    "content-start",
                    r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}"#,
                ),
            ],
            (
                "content-delta",
                format!(
                    r#"{{"type":"content-delta","index":0,"delta":{{"message":{{"content":{{"text":"{WORD}"}}}}}}}}"#
                ),
            ),
            vec![
                ("content-end", r#"{"type":"content-end","index":0}"#),
                (
                    "message-end",
                    r#"{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"tokens":{"input_tokens":9,"output_tokens":500}}}}"#,
                ),
            ],
        ),
        _ => (
            "application/x-ndjson",
            vec![],
            (
                "",
                format!(
                    r#"{{"model":"llama3","created_at":"2025-10-27T04:02:10.123456789Z","message":{{"role":"assistant","content":"{WORD}"}},"done":false}}"#
                ),
            ),
            vec![(
                "",
                r#"{"model":"llama3","created_at":"2025-10-27T04:02:10.5Z","message":{"role":"assistant","content":""},"done_reason":"stop","done":true,"total_duration":5,"prompt_eval_count":9,"eval_count":500}"#,
            )],
        ),
    };
    let owned = |events: Vec<(&'static str, &str)>| {
        events.into_iter().map(|(name, data)| (name, data.to_owned())).collect::<Vec<_>>()
    };
    let events = [owned(first), vec![chunk; CHUNKS], owned(last)].concat();
    Stream { content_type, events }
}

const ANTHROPIC_FIRST: [(&str, &str); 2] = [
    (
        "message_start",
        r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"claude-x","stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":1}}}"#,
    ),
    (
        "content_block_start",
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
    ),
];

const ANTHROPIC_LAST: [(&str, &str); 3] = [
    ("content_block_stop", r#"{"type":"content_block_stop","index":0}"#),
    (
        "message_delta",
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":500}}"#,
    ),
    ("message_stop", r#"{"type":"message_stop"}"#),
];

fn anthropic_chunk() -> String {
    format!(r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":"{WORD}"}}}}"#)
}

impl Stream {
    /// The body as it goes over the wire.
    fn body(&self, api: &str) -> Vec<u8> {
        let framed = self.events.iter().map(|(name, data)| match (api, self.content_type) {
            ("bedrock_invoke", _) => frame("chunk", &envelope(data)),
            (_, "application/vnd.amazon.eventstream") => frame(name, data),
            (_, "application/x-ndjson") => format!("{data}\n").into_bytes(),
            _ if name.is_empty() => format!("data: {data}\n\n").into_bytes(),
            _ => format!("event: {name}\ndata: {data}\n\n").into_bytes(),
        });
        framed.flatten().collect()
    }

    /// The JSON in it.
    fn texts(&self, api: &str) -> Vec<Vec<u8>> {
        let json = self.events.iter().filter(|(_, data)| data != "[DONE]");
        let texts = json.flat_map(|(_, data)| {
            let outer = (api == "bedrock_invoke").then(|| envelope(data));
            outer.into_iter().chain([data.clone()])
        });
        texts.map(String::into_bytes).collect()
    }
}

fn envelope(event: &str) -> String {
    format!(r#"{{"bytes":"{}","p":"abcdefgh"}}"#, STANDARD.encode(event))
}

/// A frame of an AWS event stream. Its checksums, which nobody but the caller's own client looks at, are left out.
fn frame(name: &str, payload: &str) -> Vec<u8> {
    let mut headers = Vec::new();
    let texts = [(":event-type", name), (":content-type", "application/json"), (":message-type", "event")];
    for (name, value) in texts {
        headers.push(name.len() as u8);
        headers.extend_from_slice(name.as_bytes());
        headers.push(7);
        headers.extend_from_slice(&(value.len() as u16).to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let length = (16 + headers.len() + payload.len()) as u32;
    let prelude = [length.to_be_bytes(), (headers.len() as u32).to_be_bytes(), [0; 4]].concat();
    [&prelude, &headers, payload.as_bytes(), &[0; 4][..]].concat()
}

/// A body of 20 KB: prose in several parts, where the API has parts.
fn whole(api: &str) -> String {
    let text =
        "Orders keep their \\\"place\\\", numbers their digits.\\nNothing is lost on the way to the file. "
            .repeat(21);
    let parts = |part: String| vec![part; 10].join(",");
    match api {
        "openai_chat" => format!(
            r#"{{"id":"c","object":"chat.completion","created":1700000000,"model":"gpt-4o","choices":[{}],"usage":{{"prompt_tokens":9,"completion_tokens":500,"total_tokens":509}}}}"#,
            parts(format!(
                r#"{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"logprobs":null,"finish_reason":"stop"}}"#
            ))
        ),
        "openai_responses" => format!(
            r#"{{"id":"r","object":"response","status":"completed","model":"gpt-5","output":[{{"id":"msg","type":"message","role":"assistant","content":[{}]}}],"usage":{{"input_tokens":9,"output_tokens":500,"total_tokens":509}}}}"#,
            parts(format!(r#"{{"type":"output_text","text":"{text}","annotations":[]}}"#))
        ),
        "anthropic" | "bedrock_invoke" => format!(
            r#"{{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[{}],"stop_reason":"end_turn","usage":{{"input_tokens":9,"output_tokens":500}}}}"#,
            parts(format!(r#"{{"type":"text","text":"{text}"}}"#))
        ),
        "gemini" => format!(
            r#"{{"candidates":[{{"content":{{"parts":[{}],"role":"model"}},"finishReason":"STOP","index":0}}],"usageMetadata":{{"promptTokenCount":9,"candidatesTokenCount":500,"totalTokenCount":509}},"modelVersion":"gemini-3-pro"}}"#,
            parts(format!(r#"{{"text":"{text}"}}"#))
        ),
        "gemini_interactions" => format!(
            r#"{{"id":"i","model":"gemini-3","object":"interaction","status":"completed","steps":[{{"type":"model_output","content":[{}]}}],"usage":{{"total_input_tokens":9,"total_output_tokens":500}}}}"#,
            parts(format!(r#"{{"type":"text","text":"{text}"}}"#))
        ),
        "bedrock_converse" => format!(
            r#"{{"output":{{"message":{{"role":"assistant","content":[{}]}}}},"stopReason":"end_turn","usage":{{"inputTokens":9,"outputTokens":500,"totalTokens":509}}}}"#,
            parts(format!(r#"{{"text":"{text}"}}"#))
        ),
        "cohere" => format!(
            r#"{{"id":"c","finish_reason":"COMPLETE","message":{{"role":"assistant","content":[{}]}},"usage":{{"tokens":{{"input_tokens":9,"output_tokens":500}}}}}}"#,
            parts(format!(r#"{{"type":"text","text":"{text}"}}"#))
        ),
        _ => format!(
            r#"{{"model":"llama3","created_at":"2025-10-27T04:02:10Z","message":{{"role":"assistant","content":"{}"}},"done":true,"prompt_eval_count":9,"eval_count":500}}"#,
            text.repeat(10)
        ),
    }
}

fn bench(criterion: &mut Criterion) {
    for (speaks, api, provider) in APIS {
        let decode = |content_type, body: &Bytes| core::decode(speaks, provider, content_type, body);
        let stream = stream(api);
        let body = Bytes::from(stream.body(api));
        let texts = stream.texts(api);
        assert!(decode(stream.content_type, &body), "{api}'s stream is one that it would send");
        let mut group = criterion.benchmark_group("decode_stream");
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(BenchmarkId::new("serde_json_value", api), |b| {
            b.iter(|| {
                for text in &texts {
                    black_box(serde_json::from_slice::<Value>(text).unwrap());
                }
            });
        });
        group.bench_function(BenchmarkId::new("llmlogs", api), |b| {
            b.iter(|| decode(stream.content_type, &body));
        });
        group.finish();

        let body = Bytes::from(whole(api));
        let mut group = criterion.benchmark_group("decode_body");
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(BenchmarkId::new("serde_json_value", api), |b| {
            b.iter(|| serde_json::from_slice::<Value>(&body).unwrap());
        });
        group.bench_function(BenchmarkId::new("llmlogs", api), |b| {
            b.iter(|| assert!(decode("application/json", &body)));
        });
        group.finish();
    }
    for group in ["decode_stream", "decode_body"] {
        for (_, api, _) in APIS {
            let (serde, ours) = (format!("serde_json_value/{api}"), format!("llmlogs/{api}"));
            support::ratios(group, &serde, &[&ours], 1);
        }
    }
}

/// Many small measurements: half a second each, so that all of them stay within a minute.
fn short() -> Criterion {
    support::criterion()
        .warm_up_time(std::time::Duration::from_millis(200))
        .measurement_time(std::time::Duration::from_millis(600))
}

criterion_group!(name = benches; config = short(); targets = bench);
criterion_main!(benches);
