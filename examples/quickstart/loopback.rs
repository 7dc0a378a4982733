//! The API that stands in when no key is set: two calls succeed, one is refused, one hangs.

use llmlogs_test_support::api::{Answer, Api};

const REPLY: &str = r#"{
  "id": "chatcmpl-1", "object": "chat.completion", "created": 1761537731, "model": "deepseek-chat",
  "choices": [{"index": 0, "message": {"role": "assistant", "content": "Paris."}, "finish_reason": "stop"}],
  "usage": {"prompt_tokens": 24, "completion_tokens": 3, "total_tokens": 27}
}"#;

const EVENTS: [&str; 6] = [
    r#"{"id":"chatcmpl-2","object":"chat.completion.chunk","created":1761537732,"model":"deepseek-chat","choices":[{"index":0,"delta":{"role":"assistant","content":null},"finish_reason":null}]}"#,
    r#"{"id":"chatcmpl-2","object":"chat.completion.chunk","created":1761537732,"model":"deepseek-chat","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"read_file","arguments":""}}]},"finish_reason":null}]}"#,
    r#"{"id":"chatcmpl-2","object":"chat.completion.chunk","created":1761537732,"model":"deepseek-chat","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"path\":"}}]},"finish_reason":null}]}"#,
    r#"{"id":"chatcmpl-2","object":"chat.completion.chunk","created":1761537732,"model":"deepseek-chat","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":" \"config.py\"}"}}]},"finish_reason":null}]}"#,
    r#"{"id":"chatcmpl-2","object":"chat.completion.chunk","created":1761537732,"model":"deepseek-chat","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":1296,"completion_tokens":167,"total_tokens":1463}}"#,
    "[DONE]",
];

const REFUSAL: &str = r#"{"error": {"message": "Rate limit reached for requests", "type": "requests", "code": "rate_limit_exceeded"}}"#;

pub async fn start() -> Api {
    Api::start([
        Answer::json(200, REPLY),
        Answer::events(&EVENTS).pause(std::time::Duration::from_millis(20)),
        Answer::json(429, REFUSAL).header("retry-after", "2"),
        Answer::silence(),
    ])
    .await
}
