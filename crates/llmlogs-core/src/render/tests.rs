use std::borrow::Cow;

use crate::api::{Choice, dialect};
use crate::capture::{Api, Endpoint};
use crate::format::Usage;
use crate::json;

use super::*;

fn endpoint() -> Endpoint {
    Endpoint {
        api: Api::OpenAiChat,
        provider: Cow::Borrowed("deepseek"),
        operation: Cow::Borrowed("chat"),
        path_model: None,
        base_url: "https://api.deepseek.com".into(),
        path: "/chat/completions".into(),
        query: String::new(),
        method: "POST".into(),
    }
}

fn input_of(body: &str) -> String {
    let body = json::parse(body).unwrap();
    let view = dialect(Api::OpenAiChat).request(&endpoint(), &body);
    input("deepseek-chat", &view, None)
}

#[test]
fn input_reads_as_the_format_says() {
    let text = input_of(
        r#"{"model":"deepseek-chat","temperature":0.3,"messages":[
            {"role":"system","content":"You are …"},
            {"role":"assistant","content":null,"tool_calls":[
                {"id":"1","type":"function","function":{"name":"read_file","arguments":"{\"path\": \"config.py\"}"}}]}],
            "tools":[{"type":"function","function":{"name":"read_file","description":"Reads a file"}}]}"#,
    );
    let equals = "=".repeat(80);
    let dashes = "─".repeat(80);
    let short = "-".repeat(40);
    assert_eq!(
        text,
        format!(
            "{equals}\nAPI REQUEST INPUT\n{equals}\n\nModel: deepseek-chat\nTemperature: 0.3\nTool Choice: auto\n\n\
             {dashes}\nMESSAGES:\n{dashes}\n\n[1] SYSTEM:\n{short}\nYou are …\n\n[2] ASSISTANT:\n{short}\n(empty)\n\n\
             TOOL CALLS:\n  - read_file\n    Args: {{\"path\": \"config.py\"}}\n\n\
             {dashes}\nAVAILABLE TOOLS:\n{dashes}\n\n• read_file\n  Reads a file...\n\n{equals}\n"
        )
    );
}

fn reply<'a>(choices: &'a [Choice<'a>]) -> Reply<'a> {
    Reply {
        id: "chatcmpl-1",
        model: "deepseek-chat",
        finish_reason: "tool_calls",
        usage: Usage { prompt_tokens: 1296, completion_tokens: 167, total_tokens: 1463, ..Usage::default() },
        choices,
        raw: None,
    }
}

#[test]
fn output_reads_as_the_format_says() {
    let choices = [Choice {
        finish_reason: Cow::Borrowed("tool_calls"),
        parts: vec![Part::ToolCall {
            id: Cow::Borrowed("call_1"),
            name: Cow::Borrowed("read_file"),
            arguments: Cow::Borrowed(r#"{"path":"config.py"}"#),
        }],
    }];
    let equals = "=".repeat(80);
    let dashes = "─".repeat(80);
    let short = "-".repeat(40);
    assert_eq!(
        output(&reply(&choices), None),
        format!(
            "{equals}\nAPI RESPONSE OUTPUT\n{equals}\n\nResponse ID: chatcmpl-1\nModel: deepseek-chat\n\
             Finish Reason: tool_calls\n\nUSAGE:\n  Prompt Tokens: 1296\n  Completion Tokens: 167\n  Total Tokens: 1463\n\n\
             {dashes}\nASSISTANT MESSAGE:\n{dashes}\n(No text content)\n\n{dashes}\nTOOL CALLS:\n{dashes}\n\n\
             [1] read_file\n{short}\n{{\n  \"path\": \"config.py\"\n}}\n\n{equals}\n"
        )
    );
}

#[test]
fn a_failure_reads_as_the_format_says_to_the_byte() {
    let failed =
        |language| Failed { error_type: "APIError", message: "Request timed out after 30 seconds", language };
    let equals = "=".repeat(80);
    assert_eq!(
        output(&reply(&[]), Some(&failed(Language::Chinese))),
        format!(
            "{equals}\nAPI RESPONSE OUTPUT\n{equals}\n\n⚠️ API 调用失败\n\n错误类型: APIError\n\
             错误消息: Request timed out after 30 seconds\n\n{equals}\n"
        )
    );
    let english = output(&reply(&[]), Some(&failed(Language::English)));
    assert!(english.contains("⚠️ API call failed\n\nError type: APIError\nError message: Request"));
}

#[test]
fn what_had_arrived_follows_the_failure() {
    let choices =
        [Choice { finish_reason: Cow::Borrowed(""), parts: vec![Part::Text(Cow::Borrowed("Once upon"))] }];
    let failed = Failed { error_type: "StreamError", message: "gone", language: Language::English };
    let dashes = "─".repeat(80);
    let text = output(&reply(&choices), Some(&failed));
    assert!(text.contains(&format!("gone\n\n{dashes}\nPARTIAL OUTPUT:\n{dashes}\nOnce upon\n\n")));
}

#[test]
fn media_reads_as_its_type_and_size() {
    assert_eq!(media("image/png", Some(186_412), ""), "[image/png, 182 KB]");
    assert_eq!(media("audio/wav", Some(12), ""), "[audio/wav, 12 B]");
    assert_eq!(media("image", None, "https://x/y.png"), "[image: https://x/y.png]");
}
