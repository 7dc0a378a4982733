//! Holds `docs/format.md` against the code: its examples are parsed, and made again byte for byte.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chrono::{Local, TimeZone};
use llmlogs_core::api::{self, Request};
use llmlogs_core::capture::{
    Body, CallKey, CallRecord, CapturedRequest, CapturedResponse, ChunkTimings, Completion, Decision,
    EnclosingSpan, ErrorType, Failure, FieldValue, Fields, ResponseHead, SpanRecord, Symbol, TimeAnchor,
};
use llmlogs_core::compose::{ComposeOptions, Composed, Composer};
use llmlogs_core::format::call_id::call_name;
use llmlogs_core::format::layout;
use llmlogs_core::format::session_name::SessionName;
use llmlogs_core::format::time::LocalTime;
use llmlogs_core::format::{Alert, AlertEvent, Attempt, IndexEntry, Metadata, SessionInfo, Trace};
use llmlogs_core::price::Price;
use llmlogs_core::render::Language;

const DOCUMENT: &str = include_str!("../../../docs/format.md");

const CALL_ID: &str = "call_20251027_040210_001";

/// Returns the contents of the first fenced block after `marker`.
fn example(marker: &str) -> &'static str {
    let (_, after) = DOCUMENT.split_once(marker).unwrap_or_else(|| panic!("no {marker:?}"));
    let (_, fence) = after.split_once("\n```").unwrap();
    let (_language, contents) = fence.split_once('\n').unwrap();
    &contents[..contents.find("```\n").unwrap()]
}

/// Returns the words in backticks in the first column of the first table after `marker`.
fn first_column(marker: &str) -> BTreeSet<&'static str> {
    let (_, after) = DOCUMENT.split_once(marker).unwrap();
    let rows = after.lines().skip_while(|line| !line.starts_with("| ---")).skip(1);
    let cells = rows.take_while(|line| line.starts_with('|')).map(|row| row.split('|').nth(1).unwrap());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
}

fn start() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_761_537_730_123)
}

/// Returns a record of one exchange, which took `latency` milliseconds.
fn record(
    url: &str,
    request: &str,
    latency: u64,
    response: impl FnOnce(Instant) -> CapturedResponse,
) -> CallRecord {
    let clock = Instant::now();
    let ended = clock + Duration::from_millis(latency);
    let endpoint = Arc::new(api::detect_endpoint(Request { method: "POST", url }).unwrap());
    let body = Body::Whole(request.to_owned().into());
    CallRecord {
        key: CallKey::next(),
        own: SpanRecord {
            started: TimeAnchor { wall: start(), clock },
            ended,
            fields: Fields::default(),
            request: Some(Arc::new(CapturedRequest { endpoint, content_encoding: String::new(), body })),
            response: Some(Arc::new(response(ended))),
            attempts: Vec::new(),
            panicked: false,
            trace: None,
        },
        attempts: Vec::new(),
        context: Fields::default(),
        spans: Vec::new(),
    }
}

fn answer(body: &str, ended: Instant) -> CapturedResponse {
    CapturedResponse {
        head: ResponseHead {
            status: Some(200),
            status_text: "OK".into(),
            content_type: "application/json".into(),
            request_id: "req_1".into(),
            ..ResponseHead::default()
        },
        body: Body::Whole(body.to_owned().into()),
        chunk_timings: ChunkTimings::default(),
        completion: Completion::Complete,
        ended,
    }
}

fn compose(record: &CallRecord, language: Language) -> Composed {
    let mut options = ComposeOptions { language, ..ComposeOptions::default() };
    options.prices.set("deepseek-chat".into(), Price::per_million(1.0, 2.0, "CNY"));
    Composer::new(options).compose(record, "20251027_040210", true).unwrap()
}

/// Returns the call of the document's examples.
fn documented_call() -> CallRecord {
    let request = r#"{"model":"deepseek-chat","temperature":0.3,"max_tokens":8000,"messages":[
        {"role":"system","content":"You are …"},
        {"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function",
            "function":{"name":"read_file","arguments":"{\"path\": \"config.py\"}"}}]}],
        "tools":[{"type":"function","function":{"name":"read_file","description":"Reads a file",
            "parameters":{"type":"object","properties":{"path":{"type":"string"}},"required":["path"]}}}]}"#;
    let response = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1761537731,"model":"deepseek-chat",
        "choices":[{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant","content":null,
            "tool_calls":[{"id":"call_2","type":"function",
                "function":{"name":"read_file","arguments":"{\"path\": \"config.py\"}"}}]}}],
        "usage":{"prompt_tokens":1296,"completion_tokens":167,"total_tokens":1463}}"#;
    let url = "https://api.deepseek.com/v1/chat/completions";
    let mut record = record(url, request, 2500, |ended| answer(response, ended));
    for (name, value) in [
        ("user_message", FieldValue::Str("Which port does it use?")),
        ("agent_iteration", FieldValue::U64(1)),
        ("phase", FieldValue::Str("Plan")),
        ("round", FieldValue::U64(1)),
        ("task_id", FieldValue::Str("t-1")),
        ("tenant", FieldValue::Str("acme")),
    ] {
        record.context.push(Symbol::of(name), value);
    }
    let opened = start() - Duration::from_millis(1123);
    record.spans = vec![
        EnclosingSpan { id: 1, name: "agent", started: Some(opened) },
        EnclosingSpan { id: 2, name: "plan", started: None },
    ];
    record
}

fn failed_call() -> CallRecord {
    let url = "https://api.deepseek.com/v1/chat/completions";
    record(url, r#"{"model":"deepseek-chat","messages":[]}"#, 30_377, |ended| CapturedResponse {
        head: ResponseHead::default(),
        body: Body::Empty,
        chunk_timings: ChunkTimings::default(),
        completion: Completion::Failed(Failure::new(ErrorType::Api, "Request timed out after 30 seconds")),
        ended,
    })
}

#[test]
fn the_metadata_is_the_documents() {
    let documented: Metadata = serde_json::from_str(example("## metadata.json")).unwrap();
    assert_eq!(text(&documented.to_file().unwrap()), example("## metadata.json"));

    let (made, _) = compose(&documented_call(), Language::English).named(CALL_ID);
    assert!(made.ends_with(b"}\n"));
    let mut made: Metadata = serde_json::from_slice(&made).unwrap();
    // The times in words are in this machine's time zone.
    for time in [&made.started_at, &made.ended_at, made.trace.spans[0].started_at.as_ref().unwrap()] {
        assert_eq!(time.len(), documented.started_at.len());
    }
    assert!(made.datetime.ends_with(":10") && made.started_at[..23].ends_with(":10.123"));
    assert!(made.ended_at[..23].ends_with(":12.623"));
    made.datetime.clone_from(&documented.datetime);
    made.started_at.clone_from(&documented.started_at);
    made.ended_at.clone_from(&documented.ended_at);
    made.trace.spans[0].started_at.clone_from(&documented.trace.spans[0].started_at);
    assert_eq!(text(&made.to_file().unwrap()), example("## metadata.json"));
}

#[test]
fn an_attempt_has_the_documents_keys() {
    let attempt = example("One entry of `attempts`");
    let parsed: Attempt = serde_json::from_str(attempt).unwrap();
    assert_eq!(serde_json::to_string_pretty(&parsed).unwrap() + "\n", attempt);
}

#[test]
fn the_words_of_decisions_are_the_documents() {
    let words: BTreeSet<&str> = (0..).map_while(Decision::from_number).map(Decision::word).collect();
    let documented = first_column("`decision` is what the middleware decided after it");
    assert_eq!(documented, words);
}

#[test]
fn the_index_line_is_the_documents() {
    let line = example("## index.jsonl");
    let parsed: IndexEntry = serde_json::from_str(line).unwrap();
    assert_eq!(text(&parsed.to_line().unwrap()), line.trim_end());
    let (_, made) = compose(&documented_call(), Language::English).named(CALL_ID);
    assert_eq!(text(&made), line.trim_end());
}

#[test]
fn the_line_of_an_alert_has_the_documents_keys() {
    let line = example("## alerts.jsonl");
    let parsed: Alert = serde_json::from_str(line).unwrap();
    assert_eq!(text(&parsed.to_line().unwrap()), line);
    assert_eq!((parsed.event, parsed.last_error.unwrap().http_status), (AlertEvent::Firing, Some(429)));
    for word in ["firing", "resolved", "undelivered", "a word of later"] {
        let event: AlertEvent = serde_json::from_value(word.into()).unwrap();
        assert_eq!(event == AlertEvent::Unknown, word == "a word of later", "{word}");
    }
}

#[test]
fn the_session_file_has_the_documents_keys() {
    let session = example("## session.json");
    let parsed: SessionInfo = serde_json::from_str(session).unwrap();
    assert_eq!(serde_json::to_string_pretty(&parsed).unwrap() + "\n", session);
}

#[test]
fn the_text_files_are_the_documents() {
    let composed = compose(&documented_call(), Language::English);
    assert_eq!(composed.input.unwrap().text, example("`input.txt`:\n"));
    assert_eq!(composed.output_text, example("`output.txt`:\n"));

    let response = r#"{"object":"list","data":[],"model":"text-embedding-3-small","usage":{"prompt_tokens":2,"total_tokens":2}}"#;
    let request = r#"{"model":"text-embedding-3-small","input":"hi"}"#;
    let url = "https://api.openai.com/v1/embeddings";
    let composed = compose(&record(url, request, 5, |ended| answer(response, ended)), Language::English);
    assert_eq!(composed.output_text, example("under `RESPONSE:`"));
}

#[test]
fn a_failure_is_the_documents_in_both_languages() {
    let chinese = compose(&failed_call(), Language::Chinese);
    assert_eq!(chinese.output_text, example("A failure, in Chinese"));
    let english = compose(&failed_call(), Language::English);
    assert_eq!(english.output_text, example("and in English everywhere else"));
    for composed in [chinese, english] {
        assert_eq!(text(&composed.output_json), example("For a failure `output.json` holds"));
    }
}

#[test]
fn the_lines_of_a_failure_with_attempts_are_the_documents() {
    let url = "https://api.deepseek.com/v1/chat/completions";
    let request = r#"{"model":"deepseek-chat","messages":[]}"#;
    let timed_out = |ended| CapturedResponse {
        head: ResponseHead::default(),
        body: Body::Empty,
        chunk_timings: ChunkTimings::default(),
        completion: Completion::Failed(Failure::new(ErrorType::Timeout, "timed out")),
        ended,
    };
    let refused = |ended| {
        let body = r#"{"error":{"message":"Slow down","type":"requests","code":"rate_limit_exceeded"}}"#;
        let answer = answer(body, ended);
        CapturedResponse { head: ResponseHead { status: Some(429), ..answer.head }, ..answer }
    };
    let mut call = record(url, request, 1000, refused);
    let first = record(url, request, 812, timed_out);
    let second = record(url, request, 120, refused);
    (call.own.request, call.own.response) = (None, None);
    call.attempts = vec![first.own, second.own];
    let text = compose(&call, Language::English).output_text;
    let documented = example("These lines follow the message");
    assert!(text.contains(&format!("Error message: Slow down\n{documented}\n")), "{text}");
    let chinese = compose(&call, Language::Chinese).output_text;
    for word in ["HTTP 状态码", "错误代码", "请求 ID", "尝试次数"] {
        assert!(
            DOCUMENT.contains(&format!("`{word}`")) && chinese.contains(&format!("\n{word}: ")),
            "{chinese}"
        );
    }
}

#[test]
fn every_file_ends_with_a_newline() {
    for record in [documented_call(), failed_call()] {
        let composed = compose(&record, Language::English);
        let (metadata, _) = composed.named(CALL_ID);
        let input = composed.input.unwrap();
        for file in [
            &input.json,
            input.text.as_bytes(),
            &composed.output_json,
            composed.output_text.as_bytes(),
            &metadata,
        ] {
            assert!(file.ends_with(b"\n") && !file.ends_with(b"\n\n"), "{}", text(file));
        }
    }
}

#[test]
fn the_words_of_failures_are_the_documents() {
    let of_status = (400..600).map(ErrorType::Http);
    let others = [
        ErrorType::Timeout,
        ErrorType::Connection,
        ErrorType::Api,
        ErrorType::InvalidResponse,
        ErrorType::Stream,
        ErrorType::Cancelled,
        ErrorType::Panic,
    ];
    let words: BTreeSet<String> =
        of_status.chain(others).map(|error_type| error_type.word().into_owned()).collect();
    let documented: BTreeSet<String> = first_column("### Failures").into_iter().map(str::to_owned).collect();
    assert_eq!(words, documented);
    for row in DOCUMENT.lines().filter(|line| line.contains("| HTTP ")) {
        let (word, status) = row.trim_matches(['|', ' ', '`']).split_once("` | HTTP ").unwrap();
        assert_eq!(ErrorType::Http(status.parse().unwrap()).word(), word);
    }
}

#[test]
fn the_tree_has_the_names_of_the_layout() {
    let tree = example("## Tree");
    let started = LocalTime::of(Local.with_ymd_and_hms(2025, 10, 27, 4, 2, 10).unwrap().into());
    let names: Vec<&str> =
        tree.lines().map(|line| line.trim_start_matches(['│', '├', '└', '─', ' '])).collect();
    let names: Vec<&str> =
        names.into_iter().map(|line| line.split(' ').next().unwrap().trim_end_matches('/')).collect();
    assert_eq!(
        names,
        [
            layout::DEFAULT_ROOT,
            "20251027",
            SessionName::new(&started, 1).as_str(),
            layout::SESSION_FILE,
            layout::INDEX_FILE,
            layout::ALERTS_FILE,
            layout::BODIES_PACK_FILE,
            layout::CALLS_PACK_FILE,
            layout::MEDIA_DIR,
            &call_name(&started, 1),
            layout::INPUT_FILE,
            layout::INPUT_TEXT_FILE,
            layout::OUTPUT_FILE,
            layout::OUTPUT_TEXT_FILE,
            layout::METADATA_FILE,
        ]
    );
    for name in [
        layout::ROOT_VARIABLE,
        &layout::temporary_name(layout::METADATA_FILE),
        &layout::temporary_name(layout::BODIES_PACK_FILE),
        &layout::pruned_name("<call>"),
        &layout::unpacked_name("<call>"),
        SessionName::new(&started, 2).as_str().trim_start_matches("session_20251027_040210"),
    ] {
        assert!(DOCUMENT.contains(&format!("`{name}`")) || tree.contains(name), "{name}");
    }
}

#[test]
#[cfg(feature = "pack")]
fn the_columns_of_packed_calls_are_the_documents() {
    use llmlogs_core::archive::{BODIES_COLUMNS, CALLS_COLUMNS};

    let document = |marker: &str| first_column(marker).into_iter().map(str::to_owned).collect();
    let bodies: BTreeSet<String> = BODIES_COLUMNS.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(bodies, document("`bodies.parquet` has what the directory held."));
    let calls: BTreeSet<String> = CALLS_COLUMNS.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(calls, document("`calls.parquet` has the same rows"));
}

#[test]
fn a_reader_takes_files_without_the_fields_that_were_added() {
    let mut documented: serde_json::Value = serde_json::from_str(example("## metadata.json")).unwrap();
    for added in ["trace", "fallback"] {
        documented.as_object_mut().unwrap().remove(added);
    }
    for added in ["content_type", "retry_after_ms", "status_text"] {
        documented["response_info"].as_object_mut().unwrap().remove(added);
    }
    documented["api_info"].as_object_mut().unwrap().remove("query");
    documented["request_info"].as_object_mut().unwrap().remove("prompt_differs");
    let older: Metadata = serde_json::from_value(documented).unwrap();
    assert_eq!((&older.trace, older.response_info.retry_after_ms), (&Trace::default(), None));
    assert_eq!(older.request_info.prompt_differs, None);

    let mut line: serde_json::Value = serde_json::from_str(example("## index.jsonl")).unwrap();
    for added in ["span_ids", "context", "context_complete", "prompt_differs", "waited_ms", "fallback_model"]
    {
        line.as_object_mut().unwrap().remove(added);
    }
    let older: IndexEntry = serde_json::from_value(line).unwrap();
    assert!(older.span_ids.is_empty() && older.context.is_empty());
    assert_eq!((older.context_complete, older.prompt_differs), (false, None));
    assert_eq!(older.trace, "agent/plan");
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}
