//! rig, with our middleware inside its own spans, and without it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use llmlogs_test_support as support;

use std::time::Duration;

use futures::StreamExt;
use reqwest_middleware::ClientBuilder;
use rig_core::completion::{CompletionRequest, Message, ToolDefinition};
use rig_core::providers::openai::{OpenAI, OpenAIConfig};
use rig_core::telemetry;
use rig_reqwest::{ReqwestClient, ReqwestMiddlewareClient};
use serde_json::{Value, json};
use support::api::{Answer, Api};
use support::{Recorded, recorder, subscriber};
use tracing::Instrument;
use tracing::subscriber::DefaultGuard;
use tracing_llmlogs::{Fallback, LlmLogMiddleware, Retry};
use tracing_subscriber::{EnvFilter, Layer, fmt, prelude::*};

const TOOL_REPLY: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1761537731,"model":"gpt-4o-2024","choices":[
 {"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"read_file","arguments":"{\"path\":\"config.py\"}"}}]},"finish_reason":"tool_calls"}],
 "usage":{"prompt_tokens":1296,"completion_tokens":167,"total_tokens":1463,"prompt_tokens_details":{"cached_tokens":1024}}}"#;

const EVENTS: [&str; 5] = [
    r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o-2024","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
    r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o-2024","choices":[{"index":0,"delta":{"content":"Bon"},"finish_reason":null}]}"#,
    r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o-2024","choices":[{"index":0,"delta":{"content":"jour"},"finish_reason":"stop"}]}"#,
    r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o-2024","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}"#,
    "[DONE]",
];

const REFUSED: &str = r#"{"error":{"message":"Rate limit reached","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#;

fn recording() -> (Recorded, DefaultGuard) {
    let (subscriber, recorded) = subscriber();
    (recorded, tracing::dispatcher::set_default(&subscriber))
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_millis(400)).build().unwrap()
}

fn config(api: &Api) -> OpenAIConfig {
    OpenAIConfig::new("sk-secret").with_base_url(format!("{}/v1", api.url))
}

/// rig's client with our middleware.
fn rig(api: &Api) -> OpenAI {
    let client = ClientBuilder::new(http()).with(LlmLogMiddleware::new()).build();
    config(api).connect(ReqwestMiddlewareClient::from(client))
}

/// rig's client as it comes.
fn bare_rig(api: &Api) -> OpenAI {
    config(api).connect(ReqwestClient::from(http()))
}

fn request() -> CompletionRequest {
    let name = "read_file".try_into().unwrap();
    let tool = ToolDefinition::new(name, "Reads a file", json!({"type": "object", "properties": {}}));
    CompletionRequest::new("What is in config.py?").temperature(0.3).tool(tool)
}

#[tokio::test]
async fn a_plain_call_in_rigs_own_span_is_one_folder() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::json(200, TOOL_REPLY)]).await;
    let reply = rig(&api).chat("gpt-4o").call(request()).await.unwrap();
    assert_eq!(reply.tool_calls().count(), 1);

    let call = recorded.call();
    call.assert_meta(&[
        ("/status", json!("ok")),
        ("/api_info/model", json!("gpt-4o")),
        ("/api_info/endpoint", json!("/v1/chat/completions")),
        ("/request_info/tools_count", json!(1)),
        ("/request_info/temperature", json!(0.3)),
        ("/response_info/id", json!("chatcmpl-1")),
        ("/response_info/model", json!("gpt-4o-2024")),
        ("/response_info/finish_reason", json!("tool_calls")),
        ("/response_info/tool_names", json!(["read_file"])),
        ("/usage/prompt_tokens", json!(1296)),
        ("/usage/completion_tokens", json!(167)),
        ("/usage/total_tokens", json!(1463)),
        ("/usage/cached_tokens", json!(1024)),
        ("/context/user_message", json!("What is in config.py?")),
        ("/attempts", json!([])),
    ]);
    assert_eq!(call.json("output.json"), serde_json::from_str::<Value>(TOOL_REPLY).unwrap());
    assert_eq!(call.json("input.json"), serde_json::from_slice::<Value>(&api.received()[0].body).unwrap());
}

#[tokio::test]
async fn retries_and_a_fallback_below_rig_are_one_folder() {
    let (recorded, _default) = recording();
    let refused = Answer::json(429, REFUSED).header("retry-after-ms", "20");
    let api = Api::start([refused.clone(), refused, Answer::json(200, TOOL_REPLY)]).await;
    let middleware = LlmLogMiddleware::new()
        .retry(Retry::new().max_attempts(2))
        .fallback(Fallback::model("gpt-4o", "gpt-4o-mini"));
    let client = ClientBuilder::new(http()).with(middleware).build();
    let rig: OpenAI = config(&api).connect(ReqwestMiddlewareClient::from(client));
    let reply = rig.chat("gpt-4o").call(request()).await.unwrap();
    assert_eq!(reply.tool_calls().count(), 1);
    assert_eq!(api.received().len(), 3);
    let call = recorded.call();
    call.assert_meta(&[
        ("/status", json!("ok")),
        ("/api_info/model", json!("gpt-4o")),
        ("/usage/total_tokens", json!(1463)),
        ("/attempts/0/decision", json!("retry")),
        ("/attempts/1/decision", json!("fallback")),
        ("/attempts/2/decision", json!("final")),
        ("/attempts/2/model", json!("gpt-4o-mini")),
        ("/fallback/to/model", json!("gpt-4o-mini")),
    ]);
    assert_eq!(call.json("input.json")["model"], "gpt-4o");
}

#[tokio::test]
async fn a_stream_in_rigs_own_span_is_one_folder() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::events(&EVENTS).pause(Duration::from_millis(10))]).await;
    let mut stream = rig(&api).chat("gpt-4o").stream(request()).unwrap();
    while let Some(item) = stream.next().await {
        item.unwrap();
    }
    drop(stream);
    let call = recorded.call();
    call.assert_meta(&[
        ("/status", json!("ok")),
        ("/request_info/stream", json!(true)),
        ("/usage/total_tokens", json!(9)),
        ("/response_info/finish_reason", json!("stop")),
    ]);
    assert!(call.meta("/performance/time_to_first_token_ms").as_u64().unwrap() >= 20);
    assert_eq!(call.json("output.json")["choices"][0]["message"]["content"], "Bonjour");
}

#[tokio::test]
async fn failures_are_one_folder_each_with_the_providers_word() {
    let failures = [
        (Answer::json(429, REFUSED), "RateLimitError", json!(429), "rate_limit_exceeded"),
        (Answer::json(500, REFUSED), "InternalServerError", json!(500), "rate_limit_exceeded"),
        (Answer::silence(), "TimeoutError", json!(null), ""),
    ];
    for (answer, kind, status, code) in failures {
        let (recorded, _default) = recording();
        let api = Api::start([answer]).await;
        rig(&api).chat("gpt-4o").call(request()).await.err().unwrap();
        recorded.call().assert_meta(&[
            ("/status", json!("error")),
            ("/response_info/error_type", json!(kind)),
            ("/response_info/http_status", status),
            ("/response_info/error_code", json!(code)),
        ]);
    }
}

#[tokio::test]
async fn a_stream_that_breaks_keeps_what_had_arrived() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::events(&EVENTS[..2]).then_break()]).await;
    let mut stream = rig(&api).chat("gpt-4o").stream(request()).unwrap();
    while let Some(item) = stream.next().await {
        if item.is_err() {
            break;
        }
    }
    drop(stream);
    let call = recorded.call();
    call.assert_meta(&[("/status", json!("error")), ("/response_info/error_type", json!("StreamError"))]);
    assert_eq!(call.json("output.json")["partial"]["choices"][0]["message"]["content"], "Bon");
}

#[tokio::test]
async fn with_rigs_spans_filtered_out_it_is_still_one_folder() {
    let (layer, recorded) = recorder();
    let _default = tracing_subscriber::registry()
        .with(layer.with_filter(EnvFilter::new("off,tracing_llmlogs=info")))
        .with(fmt::layer().with_writer(std::io::sink))
        .set_default();
    let api = Api::start([Answer::json(200, TOOL_REPLY)]).await;
    rig(&api).chat("gpt-4o").call(request()).await.unwrap();
    recorded.call().assert_meta(&[("/status", json!("ok")), ("/usage/total_tokens", json!(1463))]);
}

/// A turn of an agent, which the model's call adopts as its span, with content as rig's agents record it.
fn turn() -> tracing::Span {
    rig_core::telemetry::completion_parent_span!(
        target: "agent",
        name: "chat",
        operation: "chat",
        system_instructions: Option::<&str>::None,
    )
}

#[tokio::test]
async fn without_our_middleware_rigs_spans_alone_give_calls_with_model_tokens_and_messages() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::json(200, TOOL_REPLY)]).await;
    let turn = turn();
    telemetry::record_model_input(&turn, &[Message::user("What is in config.py?")], true);
    let reply = bare_rig(&api).chat("gpt-4o").call(request()).instrument(turn.clone()).await.unwrap();
    telemetry::record_model_output(&turn, &reply.choice, true);
    drop(turn);
    let call = recorded.call();
    call.assert_meta(&[
        ("/status", json!("ok")),
        ("/api_info/provider", json!("openai")),
        ("/api_info/model", json!("gpt-4o")),
        ("/response_info/id", json!("chatcmpl-1")),
        ("/response_info/model", json!("gpt-4o-2024")),
        ("/usage/prompt_tokens", json!(1296)),
        ("/usage/total_tokens", json!(1463)),
        ("/usage/cached_tokens", json!(1024)),
        ("/context/user_message", json!("What is in config.py?")),
        ("/response_info/tool_names", json!(["read_file"])),
        ("/response_info/finish_reason", json!("tool_calls")),
    ]);
    assert_eq!(
        call.json("input.json"),
        json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "What is in config.py?"}], "stream": false})
    );
    let function = &call.json("output.json")["choices"][0]["message"]["tool_calls"][0]["function"];
    assert_eq!(function["name"], "read_file");
}

#[tokio::test]
async fn without_our_middleware_a_stream_that_is_finished_gives_a_call_with_model_and_tokens() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::events(&EVENTS)]).await;
    let stream = bare_rig(&api).chat("gpt-4o").stream(request()).unwrap();
    assert_eq!(stream.finish().await.unwrap().text(), "Bonjour");
    recorded.call().assert_meta(&[
        ("/api_info/model", json!("gpt-4o")),
        ("/request_info/stream", json!(true)),
        ("/usage/total_tokens", json!(9)),
    ]);
}

#[tokio::test]
async fn an_agents_span_is_context_and_its_adopted_chat_spans_are_calls() {
    for with_middleware in [true, false] {
        let (recorded, _default) = recording();
        let api = Api::start([Answer::json(200, TOOL_REPLY)]).await;
        let rig = if with_middleware { rig(&api) } else { bare_rig(&api) };
        let agent = tracing::info_span!(
            "invoke_agent",
            gen_ai.operation.name = "invoke_agent",
            gen_ai.agent.name = "assistant",
            gen_ai.usage.input_tokens = 999
        );
        async {
            for question in ["first?", "second?"] {
                rig.chat("gpt-4o").call(CompletionRequest::new(question)).instrument(turn()).await.unwrap();
            }
        }
        .instrument(agent)
        .await;
        let calls = recorded.calls();
        assert_eq!(calls.len(), 2, "with middleware: {with_middleware}");
        for call in &calls {
            call.assert_meta(&[
                ("/usage/total_tokens", json!(1463)),
                ("/context/gen_ai.agent.name", json!("assistant")),
                ("/context/spans", json!(["invoke_agent"])),
                ("/attempts", json!([])),
            ]);
        }
    }
}
