//! Calls to APIs beside chat, each on its provider's own host, over real sockets.

#![cfg(feature = "middleware")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use llmlogs_test_support as support;

use std::net::SocketAddr;

use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use serde_json::{Value, json};
use support::api::{Answer, Api};
use support::subscriber;
use tracing_llmlogs::LlmLogMiddleware;

const HOSTS: [&str; 9] = [
    "api.openai.com",
    "api.anthropic.com",
    "api.replicate.com",
    "bedrock-agent-runtime.us-east-1.amazonaws.com",
    "router.huggingface.co",
    "api.deepgram.com",
    "us-south.ml.cloud.ibm.com",
    "shop.example.com",
    "llm.internal.example",
];

/// Returns a client for which `api` is each of the hosts.
fn client(api: &Api) -> ClientWithMiddleware {
    let address: SocketAddr = api.url.strip_prefix("http://").unwrap().parse().unwrap();
    let builder =
        HOSTS.iter().fold(reqwest::Client::builder().no_proxy(), |b, host| b.resolve(host, address));
    ClientBuilder::new(builder.build().unwrap()).with(LlmLogMiddleware::new()).build()
}

/// Returns a frame of AWS's event stream.
fn frame(event: &str, payload: &str) -> Vec<u8> {
    let mut headers = Vec::new();
    for (name, value) in [(":event-type", event), (":message-type", "event")] {
        headers.push(u8::try_from(name.len()).unwrap());
        headers.extend_from_slice(name.as_bytes());
        headers.push(7);
        headers.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let length = u32::try_from(16 + headers.len() + payload.len()).unwrap();
    // Checksums are the client's to verify.
    let lengths = [length.to_be_bytes(), u32::try_from(headers.len()).unwrap().to_be_bytes()].concat();
    [&lengths[..], &[0; 4], &headers, payload.as_bytes(), &[0; 4]].concat()
}

/// The address without its scheme, the request, the answer, and what `metadata.json` has of it.
type Exchange<'e> = (&'e str, Value, Answer, &'e [(&'e str, Value)]);

const RUN: &str = r#"event: thread.run.created
data: {"id":"run_1","object":"thread.run","status":"queued","model":"gpt-4o","usage":null}

event: thread.message.delta
data: {"id":"msg_1","object":"thread.message.delta","delta":{"content":[{"index":0,"type":"text","text":{"value":"Hel"}}]}}

event: thread.message.delta
data: {"id":"msg_1","object":"thread.message.delta","delta":{"content":[{"index":0,"type":"text","text":{"value":"lo"}}]}}

event: thread.run.completed
data: {"id":"run_1","object":"thread.run","status":"completed","model":"gpt-4o","usage":{"prompt_tokens":20,"completion_tokens":2,"total_tokens":22}}

event: done
data: [DONE]

"#;

#[tokio::test]
async fn calls_to_apis_beside_chat_passed_unrecorded() {
    let (subscriber, recorded) = subscriber();
    let _default = tracing::dispatcher::set_default(&subscriber);
    let generation = r#"{"model_id":"ibm/granite","results":[{"generated_text":"Hello","generated_token_count":2,"input_token_count":5,"stop_reason":"eos_token"}]}"#;
    let exchanges: [Exchange<'_>; 9] = [
        (
            "api.openai.com/v1/threads/thread_1/runs",
            json!({"assistant_id": "asst_1", "stream": true, "additional_messages": [{"role": "user", "content": "Hi"}]}),
            Answer::chunks("text/event-stream", vec![RUN.into()]),
            &[
                ("/status", json!("ok")),
                ("/api_info/provider", json!("openai")),
                ("/api_info/operation", json!("invoke_agent")),
                ("/api_info/model", json!("gpt-4o")),
                ("/response_info/finish_reason", json!("completed")),
                ("/usage/total_tokens", json!(22)),
                ("/context/user_message", json!("Hi")),
                ("/request_info/stream", json!(true)),
            ],
        ),
        (
            "api.openai.com/v1/moderations",
            json!({"model": "omni-moderation-latest", "input": [{"type": "text", "text": "Hi"}]}),
            Answer::json(
                200,
                r#"{"id":"modr-1","model":"omni-moderation-latest","results":[{"flagged":false}]}"#,
            ),
            &[
                ("/status", json!("ok")),
                ("/api_info/operation", json!("moderation")),
                ("/api_info/model", json!("omni-moderation-latest")),
                ("/response_info/id", json!("modr-1")),
            ],
        ),
        (
            "api.anthropic.com/v1/complete",
            json!({"model": "claude-2.1", "prompt": "\n\nHuman: Hi\n\nAssistant:", "max_tokens_to_sample": 9}),
            Answer::json(
                429,
                r#"{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}"#,
            ),
            &[
                ("/status", json!("error")),
                ("/api_info/operation", json!("text_completion")),
                ("/api_info/model", json!("claude-2.1")),
                ("/response_info/error_type", json!("RateLimitError")),
                ("/response_info/error_message", json!("slow down")),
                ("/request_info/max_tokens", json!(9)),
            ],
        ),
        (
            "api.replicate.com/v1/models/meta/meta-llama-3-8b-instruct/predictions",
            json!({"input": {"prompt": "Hi"}}),
            Answer::json(
                201,
                r#"{"id":"p","model":"meta/meta-llama-3-8b-instruct","status":"failed","output":null,"error":"out of memory"}"#,
            ),
            &[
                ("/status", json!("error")),
                ("/api_info/provider", json!("replicate")),
                ("/api_info/operation", json!("prediction")),
                ("/api_info/model", json!("meta/meta-llama-3-8b-instruct")),
                ("/response_info/http_status", json!(201)),
                ("/response_info/error_type", json!("APIError")),
                ("/response_info/error_message", json!("out of memory")),
            ],
        ),
        (
            "api.replicate.com/v1/predictions",
            json!({"version": "5a62", "input": {"prompt": "Hi"}}),
            Answer::json(
                202,
                r#"{"id":"p","version":"5a62","status":"starting","output":null,"error":null}"#,
            ),
            &[
                ("/status", json!("ok")),
                ("/api_info/model", json!("5a62")),
                ("/response_info/id", json!("p")),
                ("/response_info/finish_reason", json!("")),
            ],
        ),
        (
            "bedrock-agent-runtime.us-east-1.amazonaws.com/agents/AGENT12345/agentAliases/T/sessions/s-1/text",
            json!({"inputText": "Hi", "enableTrace": true}),
            Answer::chunks(
                "application/vnd.amazon.eventstream",
                vec![
                    frame(
                        "trace",
                        r#"{"trace":{"orchestrationTrace":{"modelInvocationOutput":{"metadata":{"usage":{"inputTokens":100,"outputTokens":20}}}}}}"#,
                    ),
                    frame("chunk", r#"{"bytes":"SGVsbG8="}"#),
                ],
            ),
            &[
                ("/status", json!("ok")),
                ("/api_info/provider", json!("aws.bedrock")),
                ("/api_info/operation", json!("invoke_agent")),
                ("/api_info/model", json!("AGENT12345")),
                ("/usage/prompt_tokens", json!(100)),
                ("/context/user_message", json!("Hi")),
            ],
        ),
        (
            "router.huggingface.co/hf-inference/models/black-forest-labs%2FFLUX.1-dev",
            json!({"inputs": "a cat"}),
            Answer::chunks("image/jpeg", vec![vec![0xff, 0xd8, 0xff, 0xe0]]),
            &[
                ("/status", json!("ok")),
                ("/api_info/provider", json!("huggingface")),
                ("/api_info/operation", json!("prediction")),
                ("/api_info/model", json!("black-forest-labs/FLUX.1-dev")),
                ("/response_info/content_type", json!("image/jpeg")),
            ],
        ),
        (
            "api.deepgram.com/v1/listen?model=nova-3",
            json!({"url": "https://dpgr.am/spacewalk.wav"}),
            Answer::json(
                200,
                r#"{"metadata":{"request_id":"r-1"},"results":{"channels":[{"alternatives":[{"transcript":"Hello"}]}]}}"#,
            ),
            &[
                ("/status", json!("ok")),
                ("/api_info/provider", json!("deepgram")),
                ("/api_info/operation", json!("transcription")),
                ("/api_info/model", json!("nova-3")),
                ("/api_info/endpoint", json!("/v1/listen")),
            ],
        ),
        (
            "us-south.ml.cloud.ibm.com/ml/v1/text/generation?version=2024-10-08",
            json!({"model_id": "ibm/granite", "input": "Hi", "project_id": "p"}),
            Answer::json(200, generation),
            &[
                ("/status", json!("ok")),
                ("/api_info/provider", json!("ibm.watsonx.ai")),
                ("/api_info/model", json!("ibm/granite")),
                ("/usage/total_tokens", json!(7)),
                ("/response_info/finish_reason", json!("eos_token")),
            ],
        ),
    ];
    let api = Api::start(exchanges.each_ref().map(|(_, _, answer, _)| answer.clone())).await;
    let port = api.url.rsplit(':').next().unwrap();
    let client = client(&api);
    for (url, body, _, _) in &exchanges {
        let (host, path) = url.split_once('/').unwrap();
        let response = client.post(format!("http://{host}:{port}/{path}")).json(body).send().await.unwrap();
        response.bytes().await.unwrap();
    }
    let calls = recorded.calls();
    assert_eq!(calls.len(), exchanges.len());
    for (call, (url, body, _, expected)) in calls.iter().zip(&exchanges) {
        assert_eq!(call.json("input.json"), *body, "{url}");
        call.assert_meta(expected);
    }
    for (place, text) in [(0, "Hello"), (3, "out of memory"), (5, "Hello"), (7, "Hello"), (8, "Hello")] {
        assert!(calls[place].text("output.txt").contains(text), "{}", exchanges[place].0);
    }
    assert_eq!(calls[5].json("output.json")["completion"], "Hello");
    assert_eq!(calls[6].json("output.json"), json!({"base64": "/9j/4A=="}));
}

#[tokio::test]
async fn what_stands_beside_those_calls_passes_unrecorded() {
    let (subscriber, recorded) = subscriber();
    let _default = tracing::dispatcher::set_default(&subscriber);
    let api = Api::start([Answer::json(200, "{}")]).await;
    let port = api.url.rsplit(':').next().unwrap();
    let client = client(&api);
    for url in [
        "api.openai.com/v1/threads/thread_1/runs/run_1/cancel",
        "api.openai.com/v1/threads/thread_1/messages",
        "api.replicate.com/v1/predictions/p/cancel",
        "shop.example.com/v1/predictions",
        "shop.example.com/models/7",
        "shop.example.com/complete",
        "shop.example.com/endpoints/7/invocations",
    ] {
        let (host, path) = url.split_once('/').unwrap();
        let body = json!({"input": "text", "inputs": "text", "prompt": "text"});
        client
            .post(format!("http://{host}:{port}/{path}"))
            .json(&body)
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
    }
    for url in ["api.replicate.com/v1/predictions/p", "api.openai.com/v1/threads/thread_1/runs/run_1"] {
        let (host, path) = url.split_once('/').unwrap();
        client.get(format!("http://{host}:{port}/{path}")).send().await.unwrap().bytes().await.unwrap();
    }
    assert!(recorded.calls().is_empty());
}

#[tokio::test]
async fn a_well_known_model_behind_a_gateway_had_no_price() {
    let (subscriber, recorded) = subscriber();
    let _default = tracing::dispatcher::set_default(&subscriber);
    let reply = |model: &str| {
        format!(
            r#"{{"id":"c","object":"chat.completion","model":"{model}","choices":[{{"index":0,"message":{{"role":"assistant","content":"Hi"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100}}}}"#
        )
    };
    let calls = [
        ("llm.internal.example", "gpt-4o", "gpt-4o-2024-08-06", "table:openai", 0.0035),
        ("127.0.0.1", "openai/gpt-4o", "gpt-4o-2024-08-06", "table:openai", 0.0035),
        ("127.0.0.1", "gemini-2.5-pro", "gemini-2.5-pro", "table:gcp.gemini", 0.00225),
        ("api.openai.com", "gpt-4o", "gpt-4o-2024-08-06", "table", 0.0035),
        ("127.0.0.1", "gpt-4o", "qwen2.5-7b-instruct", "", 0.0),
        ("llm.internal.example", "llama-3.3-70b", "llama-3.3-70b", "", 0.0),
    ];
    let api = Api::start(calls.map(|(_, _, answered, ..)| Answer::json(200, reply(answered)))).await;
    let port = api.url.rsplit(':').next().unwrap();
    let client = client(&api);
    for (host, model, ..) in calls {
        let body = json!({"model": model, "messages": [{"role": "user", "content": "Hi"}]});
        let url = format!("http://{host}:{port}/v1/chat/completions");
        client.post(url).json(&body).send().await.unwrap().bytes().await.unwrap();
    }
    let recorded = recorded.calls();
    assert_eq!(recorded.len(), calls.len());
    for (call, (.., source, cost)) in recorded.iter().zip(calls) {
        let currency = if source.is_empty() { "" } else { "USD" };
        call.assert_meta(&[
            ("/cost_estimate/source", json!(source)),
            ("/cost_estimate/currency", json!(currency)),
            ("/cost_estimate/total_cost", json!(cost)),
        ]);
    }
}
