//! async-openai, whose HTTP goes through our middleware by way of `with_http_service`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use llmlogs_test_support as support;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use async_openai::middleware::retry::OpenAIRetryLayer;
use async_openai::types::chat::{
    ChatCompletionRequestUserMessageArgs, CreateChatCompletionRequest, CreateChatCompletionRequestArgs,
};
use futures::StreamExt;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use serde_json::{Value, json};
use support::api::{Answer, Api};
use support::{Recorded, subscriber};
use tower::{ServiceBuilder, service_fn};
use tracing::subscriber::DefaultGuard;
use tracing::{Instrument, info_span};
use tracing_llmlogs::{Fallback, LlmLogMiddleware, Retry};

const REPLY: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1761537731,"model":"gpt-4o-2024","choices":[
 {"index":0,"message":{"role":"assistant","content":"Paris.","refusal":null},"logprobs":null,"finish_reason":"stop"}],
 "usage":{"prompt_tokens":24,"completion_tokens":3,"total_tokens":27}}"#;

const EVENTS: [&str; 6] = [
    r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"read_file","arguments":""}}]},"finish_reason":null}]}"#,
    r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"path\":"}}]},"finish_reason":null}]}"#,
    r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\"config.py\"}"}}]},"finish_reason":null}]}"#,
    r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
    r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}"#,
    "[DONE]",
];

fn recording() -> (Recorded, DefaultGuard) {
    let (subscriber, recorded) = subscriber();
    (recorded, tracing::dispatcher::set_default(&subscriber))
}

fn http() -> ClientWithMiddleware {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    ClientBuilder::new(client).with(LlmLogMiddleware::new()).build()
}

async fn send(
    http: ClientWithMiddleware,
    factory: HttpRequestFactory,
) -> Result<reqwest::Response, OpenAIError> {
    let request = factory.build().await?;
    http.execute(request).await.map_err(|error| match error {
        reqwest_middleware::Error::Reqwest(error) => OpenAIError::Reqwest(error),
        reqwest_middleware::Error::Middleware(error) => OpenAIError::Boxed(error.into()),
    })
}

fn config(api: &Api) -> OpenAIConfig {
    OpenAIConfig::new().with_api_base(format!("{}/v1", api.url)).with_api_key("sk-secret")
}

fn openai(api: &Api) -> Client<OpenAIConfig> {
    let http = http();
    let service = service_fn(move |factory| send(http.clone(), factory));
    Client::with_config(config(api)).with_http_service(service)
}

/// The same with the retries put back that `with_http_service` drops.
fn retrying(api: &Api) -> Client<OpenAIConfig> {
    let http = http();
    let service = ServiceBuilder::new()
        .layer(OpenAIRetryLayer::default())
        .service(service_fn(move |factory| send(http.clone(), factory)));
    Client::with_config(config(api)).with_http_service(service)
}

fn request() -> CreateChatCompletionRequest {
    let user = ChatCompletionRequestUserMessageArgs::default().content("Capital of France?").build().unwrap();
    CreateChatCompletionRequestArgs::default().model("gpt-4o").messages([user.into()]).build().unwrap()
}

#[tokio::test]
async fn a_plain_call_is_one_folder() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::json(200, REPLY)]).await;
    let reply = openai(&api).chat().create(request()).await.unwrap();
    assert_eq!(reply.choices[0].message.content.as_deref(), Some("Paris."));
    let call = recorded.call();
    call.assert_meta(&[
        ("/status", json!("ok")),
        ("/api_info/model", json!("gpt-4o")),
        ("/usage/total_tokens", json!(27)),
        ("/response_info/finish_reason", json!("stop")),
        ("/context/user_message", json!("Capital of France?")),
    ]);
    assert_eq!(call.json("output.json"), serde_json::from_str::<Value>(REPLY).unwrap());
}

#[tokio::test]
async fn a_stream_that_the_client_ends_at_done_is_finished_with_its_tool_call() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::events(&EVENTS).then_hang()]).await;
    let mut stream = openai(&api).chat().create_stream(request()).await.unwrap();
    while let Some(chunk) = stream.next().await {
        chunk.unwrap();
    }
    drop(stream);
    let call = recorded.call();
    call.assert_meta(&[
        ("/status", json!("ok")),
        ("/request_info/stream", json!(true)),
        ("/response_info/tool_names", json!(["read_file"])),
        ("/response_info/finish_reason", json!("tool_calls")),
        ("/usage/total_tokens", json!(7)),
    ]);
    let output = call.json("output.json");
    let function = &output["choices"][0]["message"]["tool_calls"][0]["function"];
    assert_eq!(function, &json!({"name": "read_file", "arguments": "{\"path\":\"config.py\"}"}));
}

#[tokio::test]
async fn retries_and_a_fallback_below_async_openai_are_one_folder() {
    let (recorded, _default) = recording();
    let busy =
        r#"{"error":{"message":"The server is overloaded","type":"server_error","param":null,"code":null}}"#;
    let busy = Answer::json(503, busy).header("retry-after-ms", "20");
    let api = Api::start([busy.clone(), busy, Answer::json(200, REPLY)]).await;
    let middleware = LlmLogMiddleware::new()
        .retry(Retry::new().max_attempts(2))
        .fallback(Fallback::model("gpt-4o", "gpt-4o-mini"));
    let plain = reqwest::Client::builder().no_proxy().build().unwrap();
    let http = ClientBuilder::new(plain).with(middleware).build();
    let service = service_fn(move |factory| send(http.clone(), factory));
    let client = Client::with_config(config(&api)).with_http_service(service);
    let reply = client.chat().create(request()).await.unwrap();
    assert_eq!(reply.choices[0].message.content.as_deref(), Some("Paris."));
    assert_eq!(api.received().len(), 3);
    recorded.call().assert_meta(&[
        ("/status", json!("ok")),
        ("/api_info/model", json!("gpt-4o")),
        ("/attempts/0/decision", json!("retry")),
        ("/attempts/1/decision", json!("fallback")),
        ("/attempts/2/decision", json!("final")),
        ("/fallback/to/model", json!("gpt-4o-mini")),
    ]);
}

#[tokio::test]
async fn a_refused_key_is_an_authentication_error() {
    let (recorded, _default) = recording();
    let refused = r#"{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#;
    let api = Api::start([Answer::json(401, refused)]).await;
    openai(&api).chat().create(request()).await.unwrap_err();
    recorded.call().assert_meta(&[
        ("/status", json!("error")),
        ("/response_info/error_type", json!("AuthenticationError")),
        ("/response_info/error_code", json!("invalid_api_key")),
        ("/response_info/error_message", json!("Incorrect API key provided")),
    ]);
}

fn one_refusal() -> [Answer; 2] {
    let refused =
        r#"{"error":{"message":"slow down","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#;
    [Answer::json(429, refused).header("retry-after", "0"), Answer::json(200, REPLY)]
}

#[tokio::test]
async fn its_retries_are_a_folder_a_try_or_one_call_inside_a_call_span() {
    let (recorded, _default) = recording();
    let api = Api::start(one_refusal()).await;
    retrying(&api).chat().create(request()).await.unwrap();
    let statuses: Vec<_> =
        recorded.calls().iter().map(|call| call.meta("/response_info/http_status")).collect();
    assert_eq!(statuses, [429, 200]);

    let (recorded, _default) = recording();
    let api = Api::start(one_refusal()).await;
    let span = info_span!("chat", gen_ai.operation.name = "chat");
    retrying(&api).chat().create(request()).instrument(span).await.unwrap();
    let call = recorded.call();
    call.assert_meta(&[
        ("/status", json!("ok")),
        ("/attempts/0/http_status", json!(429)),
        ("/attempts/0/error_message", json!("slow down")),
        ("/attempts/0/retry_after_ms", json!(0)),
        ("/attempts/1/http_status", json!(200)),
    ]);
}
