use std::borrow::Cow;

use crate::api::{Choice, RequestView, dialect, other_parameters};
use crate::capture::{Api, Endpoint};
use crate::format::{Attempt, Usage};
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
    let parameters: Vec<_> = other_parameters(&body).collect();
    input(&Asked {
        model: "deepseek-chat",
        operation: "chat",
        view: &view,
        parameters: &parameters,
        raw: None,
    })
}

#[test]
fn input_reads_as_the_format_says() {
    let text = input_of(
        r#"{"model":"deepseek-chat","temperature":0.3,"messages":[
            {"role":"system","content":"You are …"},
            {"role":"assistant","content":null,"tool_calls":[
                {"id":"1","type":"function","function":{"name":"read_file","arguments":"{\"path\": \"config.py\"}"}}]}],
            "tools":[{"type":"function","function":{"name":"read_file","description":"Reads a file",
                "parameters":{"type":"object","properties":{"path":{"type":"string"},"lines":{"type":["integer","null"]}},
                    "required":["path"]}}}]}"#,
    );
    let equals = "=".repeat(80);
    let dashes = "─".repeat(80);
    let short = "-".repeat(40);
    assert_eq!(
        text,
        format!(
            "{equals}\nAPI REQUEST INPUT\n{equals}\n\nModel: deepseek-chat\nTemperature: 0.3\n\n\
             {dashes}\nMESSAGES:\n{dashes}\n\n[1] SYSTEM:\n{short}\nYou are …\n\n[2] ASSISTANT:\n{short}\n(empty)\n\n\
             TOOL CALLS:\n  - read_file\n    Args: {{\"path\": \"config.py\"}}\n\n\
             {dashes}\nAVAILABLE TOOLS:\n{dashes}\n\n• read_file\n  Reads a file\n  \
             Parameters: path (string, required), lines (integer or null)\n\n{equals}\n"
        )
    );
}

#[test]
fn a_short_description_of_a_tool_ended_in_dots_as_if_it_were_cut() {
    let tool = |description: &str| {
        let body = format!(
            r#"{{"messages":[],"tools":[{{"type":"function","function":{{"name":"f","description":"{description}"}}}}]}}"#
        );
        input_of(&body)
    };
    let whole = "é".repeat(100);
    assert!(tool(&whole).contains(&format!("\n  {whole}\n")));
    assert!(tool(&format!("{whole}x")).contains(&format!("\n  {whole}...\n")));
}

#[test]
fn a_tool_choice_stood_in_the_text_although_the_request_had_none() {
    assert!(!input_of(r#"{"messages":[]}"#).contains("Tool Choice"));
    let chosen = input_of(r#"{"messages":[],"tool_choice":{"type":"function","function":{"name":"f"}}}"#);
    assert!(
        chosen.contains("\nTool Choice: {\"type\":\"function\",\"function\":{\"name\":\"f\"}}\n"),
        "{chosen}"
    );
}

#[test]
fn max_tokens_stream_and_other_parameters_were_missing_in_the_text() {
    let text = input_of(
        r#"{"messages":[{"role":"user","content":"hi"}],"max_completion_tokens":80,"stream":true,"top_p":0.90,"stop":["a","b"]}"#,
    );
    let head = "Temperature: default\nMax Tokens: 80\nStream: true\ntop_p: 0.90\nstop: [\"a\",\"b\"]\n\n";
    assert!(text.contains(head), "{text}");
}

#[test]
fn an_embedding_had_a_temperature() {
    let body = json::parse(r#"{"model":"text-embedding-3-small","input":"hi"}"#).unwrap();
    let view = dialect(Api::Embeddings).request(&endpoint(), &body);
    let text = input(&Asked {
        model: "text-embedding-3-small",
        operation: "embeddings",
        view: &view,
        parameters: &[],
        raw: Some("{}"),
    });
    assert!(text.contains("\n\nModel: text-embedding-3-small\n\n──"), "{text}");
    assert!(!text.contains("Temperature"), "{text}");
    // Neither has an image, which is asked for by a message.
    let body = json::parse(r#"{"messages":[{"role":"user","content":"a cat"}]}"#).unwrap();
    let view = dialect(Api::OpenAiChat).request(&endpoint(), &body);
    let asked = Asked { model: "m", operation: "image_generation", view: &view, parameters: &[], raw: None };
    assert!(!input(&asked).contains("Temperature"));
}

#[test]
fn the_arguments_of_tools_are_named_whatever_form_their_schema_has() {
    let parameters = |schema: &str| {
        let schema = json::parse(schema).unwrap();
        let tool = crate::api::Tool { parameters: Some(&schema), ..Default::default() };
        let view = RequestView { tools: vec![tool], ..RequestView::default() };
        let text = input(&Asked { model: "m", operation: "chat", view: &view, parameters: &[], raw: None });
        text.lines().find_map(|line| line.strip_prefix("  Parameters: ").map(str::to_owned))
    };
    let cohere = r#"{"city":{"type":"str","required":true},"unit":{"description":"of measure"}}"#;
    assert_eq!(parameters(cohere).as_deref(), Some("city (str, required), unit"));
    assert_eq!(parameters(r#"{"type":"object","properties":{}}"#).as_deref(), Some("none"));
    assert_eq!(parameters(r#"{"anyOf":[{"type":"string"}]}"#), None);
}

#[test]
fn a_terminal_escape_reached_the_text_files() {
    let hostile = r"\u001b[2J\u001b]8;;http://x\u0007\u009b31m\u202eabc\r\n\ttab\r\u007f";
    let shown = "␛[2J␛]8;;http://x␇\u{fffd}31m\u{fffd}abc\n\ttab␍␡";
    let text = input_of(&format!(
        r#"{{"messages":[{{"role":"a{hostile}","content":"{hostile}"}}],"tool_choice":"{hostile}","tools":[
            {{"type":"function","function":{{"name":"{hostile}","description":"{hostile}"}}}}]}}"#
    ));
    assert_eq!(text.matches(shown).count(), 4, "{text}");
    let hostile = "\x1b[2J\x1b]8;;http://x\x07\u{9b}31m\u{202e}abc\r\n\ttab\r\x7f";
    let parts = vec![Part::Text(hostile.into()), Part::Reasoning(hostile.into())];
    let choices = [Choice { finish_reason: hostile.into(), parts }];
    let failed = Failed { message: hostile, code: hostile, ..failed(Language::English) };
    for text in [
        output(&reply(&choices), None),
        output(&Reply { id: hostile, raw: Some(hostile), choices: &[], ..reply(&[]) }, None),
        output(&reply(&choices), Some(&failed)),
    ] {
        assert!(text.matches(shown).count() >= 2, "{text}");
        assert!(!text.chars().any(|c| is_hostile(c) && c != '\n' && c != '\t'), "{text:?}");
    }
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

fn failed(language: Language) -> Failed<'static> {
    Failed {
        error_type: "APIError",
        message: "Request timed out after 30 seconds",
        http_status: None,
        code: "",
        request_id: "",
        attempts: &[],
        language,
    }
}

#[test]
fn a_failure_hid_its_status_code_request_id_and_attempts() {
    let attempt = |attempt, error_type: &str, status| Attempt {
        attempt,
        error_type: error_type.into(),
        http_status: status,
        error_code: if status == Some(429) { "rate_limit_exceeded".into() } else { String::new() },
        latency_ms: 800 + attempt,
        ..Attempt::default()
    };
    let attempts = [attempt(1, "TimeoutError", None), attempt(2, "RateLimitError", Some(429))];
    let of = |language| Failed {
        error_type: "RateLimitError",
        message: "Slow down",
        http_status: Some(429),
        code: "rate_limit_exceeded",
        request_id: "req_1",
        attempts: &attempts,
        language,
    };
    let english = output(&reply(&[]), Some(&of(Language::English)));
    let lines = "Error type: RateLimitError\nError message: Slow down\nHTTP status: 429\n\
        Error code: rate_limit_exceeded\nRequest ID: req_1\nAttempts: 2\n  [1] TimeoutError, 801 ms\n  \
        [2] RateLimitError, HTTP 429, rate_limit_exceeded, 802 ms\n\n==";
    assert!(english.contains(lines), "{english}");
    let chinese = output(&reply(&[]), Some(&of(Language::Chinese)));
    assert!(
        chinese.contains("HTTP 状态码: 429\n错误代码: rate_limit_exceeded\n请求 ID: req_1\n尝试次数: 2\n"),
        "{chinese}"
    );
}

#[test]
fn what_had_arrived_follows_the_failure() {
    let choices =
        [Choice { finish_reason: Cow::Borrowed(""), parts: vec![Part::Text(Cow::Borrowed("Once upon"))] }];
    let failed = Failed { error_type: "StreamError", message: "gone", ..failed(Language::English) };
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
