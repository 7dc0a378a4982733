//! Each shape of the older completions: plain, streamed, broken.

use super::*;
use crate::api::dialect::{EventKind, Folded};
use crate::api::framing::{Framing, for_each_event};
use crate::api::{Request, detect_endpoint};
use crate::json;

fn endpoint(url: &str) -> Endpoint {
    detect_endpoint(Request { method: "POST", url }).unwrap()
}

const ANTHROPIC: &str = "https://api.anthropic.com/v1/complete";
const COHERE: &str = "https://api.cohere.com/v1/generate";
const WATSONX: &str = "https://us-south.ml.cloud.ibm.com/ml/v1/text/generation_stream?version=2023-05-29";
const HUGGING_FACE: &str = "https://api-inference.huggingface.co/models/bigscience/bloom";
const SAGEMAKER: &str = "https://runtime.sagemaker.eu-west-1.amazonaws.com/endpoints/my-llm/invocations";
const ALEPH_ALPHA: &str = "https://api.aleph-alpha.com/complete";

/// Returns the texts, the finish reason and the token counts of a body.
fn read(url: &str, body: &Json<'_>) -> (String, String, Option<(u64, u64)>) {
    let view = TextCompletion.response(&endpoint(url), body);
    let texts = view.choices.iter().flat_map(|choice| choice.parts.iter().filter_map(Part::text));
    let usage = view.usage.map(|usage| (usage.prompt_tokens, usage.completion_tokens));
    (texts.collect::<Vec<_>>().join("|"), view.finish_reason().to_owned(), usage)
}

fn fold(url: &str, framing: Framing, stream: &str) -> (Folded<'static>, Vec<EventKind>) {
    let mut fold = TextCompletion.fold(&endpoint(url)).unwrap();
    let mut kinds = Vec::new();
    for_each_event(framing, stream.as_bytes(), |event| {
        kinds.push(fold.event(&event.name, json::parse(&event.data).unwrap().into_owned()));
    });
    (fold.finish(), kinds)
}

fn compact(json: &Json<'_>) -> String {
    let mut out = Vec::new();
    json::compact(json, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn every_shape_of_an_answer_gives_its_text_its_reason_and_its_tokens() {
    for (url, body, text, reason, usage) in [
        (
            ANTHROPIC,
            r#"{"type":"completion","id":"compl_1","completion":" Hi","stop_reason":"stop_sequence","model":"claude-2.1","stop":"\n\nHuman:","log_id":"l"}"#,
            " Hi",
            "stop_sequence",
            None,
        ),
        (
            COHERE,
            r#"{"id":"g","generations":[{"id":"a","text":"Hi","finish_reason":"COMPLETE"},{"id":"b","text":"Ho","finish_reason":"COMPLETE"}],"prompt":"p","meta":{"billed_units":{"input_tokens":5,"output_tokens":3}}}"#,
            "Hi|Ho",
            "COMPLETE",
            Some((5, 3)),
        ),
        (
            WATSONX,
            r#"{"model_id":"ibm/granite-13b-chat-v2","created_at":"2024-01-11T09:27:54.001Z","results":[{"generated_text":"Hi","generated_token_count":3,"input_token_count":5,"stop_reason":"max_tokens"}]}"#,
            "Hi",
            "max_tokens",
            Some((5, 3)),
        ),
        (
            HUGGING_FACE,
            r#"[{"generated_text":"Hi","details":{"finish_reason":"length","generated_tokens":3,"prefill":[{"id":1,"text":"a"},{"id":2,"text":"b"}],"tokens":[]}}]"#,
            "Hi",
            "length",
            Some((2, 3)),
        ),
        (HUGGING_FACE, r#"[[{"summary_text":"Hi"}],[{"summary_text":"Ho"}]]"#, "Hi|Ho", "", None),
        (HUGGING_FACE, r#"[{"label":"POSITIVE","score":0.9}]"#, "", "", None),
        (SAGEMAKER, r#"[{"generation":{"role":"assistant","content":"Hi"}}]"#, "Hi", "", None),
        (SAGEMAKER, r#"{"generated_text":"Hi"}"#, "Hi", "", None),
        (
            SAGEMAKER,
            r#"{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":3}}"#,
            "Hi",
            "stop",
            Some((5, 3)),
        ),
        (
            SAGEMAKER,
            r#"{"id":"m","type":"message","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","usage":{"input_tokens":5,"output_tokens":3}}"#,
            "Hi",
            "end_turn",
            Some((5, 3)),
        ),
        (
            ALEPH_ALPHA,
            r#"{"model_version":"2022-04","completions":[{"completion":"Hi","finish_reason":"maximum_tokens"}],"num_tokens_prompt_total":5,"num_tokens_generated":3}"#,
            "Hi",
            "maximum_tokens",
            Some((5, 3)),
        ),
    ] {
        let body = json::parse(body).unwrap();
        assert_eq!(read(url, &body), (text.to_owned(), reason.to_owned(), usage), "{body:?}");
    }
}

#[test]
fn a_request_is_a_prompt_or_messages_whatever_they_are_called() {
    for (url, body, model) in [
        (
            ANTHROPIC,
            r#"{"model":"claude-2.1","prompt":"Hi","max_tokens_to_sample":9,"stream":true}"#,
            Some("claude-2.1"),
        ),
        (COHERE, r#"{"model":"command","prompt":"Hi","max_tokens":9,"stream":true}"#, Some("command")),
        (
            WATSONX,
            r#"{"model_id":"ibm/granite","input":"Hi","parameters":{"max_new_tokens":9},"project_id":"p"}"#,
            Some("ibm/granite"),
        ),
        (HUGGING_FACE, r#"{"inputs":"Hi","parameters":{"max_new_tokens":9},"stream":true}"#, None),
        (SAGEMAKER, r#"{"messages":[{"role":"user","content":"Hi"}],"max_tokens":9,"stream":true}"#, None),
        (
            ALEPH_ALPHA,
            r#"{"model":"luminous-base","prompt":[{"type":"text","data":"Hi"}],"maximum_tokens":9,"stream":true}"#,
            Some("luminous-base"),
        ),
    ] {
        let body = json::parse(body).unwrap();
        let view = TextCompletion.request(&endpoint(url), &body);
        assert_eq!((view.last_user_message().as_str(), view.messages_count), ("Hi", 1), "{body:?}");
        assert_eq!(view.max_tokens.and_then(Json::as_u64), Some(9), "{body:?}");
        assert_eq!((view.stream, view.model.as_deref()), (true, model), "{body:?}");
    }
}

#[test]
fn anthropics_completions_fold_into_one() {
    let stream = r#"event: completion
data: {"type":"completion","id":"compl_1","completion":" Hel","stop_reason":null,"model":"claude-2.1","stop":null,"log_id":"l"}

event: ping
data: {"type":"ping"}

event: completion
data: {"type":"completion","id":"compl_1","completion":"lo","stop_reason":null,"model":"claude-2.1","stop":null,"log_id":"l"}

event: completion
data: {"type":"completion","id":"compl_1","completion":"","stop_reason":"stop_sequence","model":"claude-2.1","stop":"\n\nHuman:","log_id":"l"}

"#;
    let (folded, kinds) = fold(ANTHROPIC, Framing::Sse, stream);
    assert_eq!(
        compact(&folded.object),
        r#"{"type":"completion","id":"compl_1","completion":" Hello","stop_reason":"stop_sequence","model":"claude-2.1","stop":"\n\nHuman:","log_id":"l"}"#
    );
    assert_eq!(kinds, [EventKind::Content, EventKind::Other, EventKind::Content, EventKind::End]);
    let overloaded = format!(
        "{}event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}}}\n\n",
        &stream[..stream.find("event: ping").unwrap()]
    );
    let (folded, _) = fold(ANTHROPIC, Framing::Sse, &overloaded);
    assert!(folded.error.is_some());
    assert_eq!(read(ANTHROPIC, &folded.object).0, " Hel");
}

#[test]
fn coheres_lines_fold_into_its_generations() {
    let pieces = r#"{"text":"Hel","is_finished":false,"event_type":"text-generation"}
{"text":"lo","is_finished":false,"event_type":"text-generation"}
"#;
    let last = r#"{"is_finished":true,"event_type":"stream-end","finish_reason":"COMPLETE","response":{"id":"g","generations":[{"id":"a","text":"Hello"}],"prompt":"p"}}
"#;
    let (folded, kinds) = fold(COHERE, Framing::Ndjson, &format!("{pieces}{last}"));
    assert_eq!(
        compact(&folded.object),
        r#"{"id":"g","prompt":"p","generations":[{"id":"a","text":"Hello","finish_reason":"COMPLETE"}]}"#
    );
    assert_eq!(kinds, [EventKind::Content, EventKind::Content, EventKind::End]);
    let (broken, _) = fold(COHERE, Framing::Ndjson, pieces);
    assert_eq!(read(COHERE, &broken.object), ("Hello".into(), String::new(), None));
}

#[test]
fn watsonxs_chunks_fold_into_its_results() {
    let stream = r#"id: 1
event: message
data: {"model_id":"ibm/granite","created_at":"2024-01-11T09:27:54.001Z","results":[{"generated_text":"","generated_token_count":0,"input_token_count":5,"stop_reason":"not_finished"}]}

id: 2
event: message
data: {"model_id":"ibm/granite","created_at":"2024-01-11T09:27:54.101Z","results":[{"generated_text":"Hel","generated_token_count":1,"input_token_count":0,"stop_reason":"not_finished"}]}

id: 3
event: message
data: {"model_id":"ibm/granite","created_at":"2024-01-11T09:27:54.201Z","results":[{"generated_text":"lo","generated_token_count":2,"input_token_count":0,"stop_reason":"eos_token"}]}

"#;
    let (folded, kinds) = fold(WATSONX, Framing::Sse, stream);
    assert_eq!(read(WATSONX, &folded.object), ("Hello".into(), "eos_token".into(), Some((5, 2))));
    assert_eq!(kinds, [EventKind::Other, EventKind::Content, EventKind::LastContent]);
    // One that broke off has no reason.
    let (folded, _) = fold(WATSONX, Framing::Sse, &stream[..stream.find("id: 3").unwrap()]);
    assert_eq!(read(WATSONX, &folded.object), ("Hel".into(), String::new(), Some((5, 1))));
    let failed = r#"event: error
data: {"errors":[{"code":"downstream_request_failed","message":"Downstream failed"}],"status_code":500}

"#;
    for failed in [failed, failed.strip_prefix("event: error\n").unwrap()] {
        assert!(fold(WATSONX, Framing::Sse, failed).0.error.is_some());
    }
}

#[test]
fn tokens_of_text_generation_inference_fold_into_the_text() {
    let stream = r#"data:{"index":1,"token":{"id":1,"text":"Hel","logprob":-0.1,"special":false},"generated_text":null,"details":null}

data:{"index":2,"token":{"id":2,"text":"lo","logprob":-0.1,"special":false},"generated_text":null,"details":null}

data:{"index":3,"token":{"id":3,"text":"</s>","logprob":-0.1,"special":true},"generated_text":"Hello","details":{"finish_reason":"eos_token","generated_tokens":3,"seed":null,"input_length":5}}

"#;
    let (folded, kinds) = fold(HUGGING_FACE, Framing::Sse, stream);
    assert_eq!(read(HUGGING_FACE, &folded.object), ("Hello".into(), "eos_token".into(), Some((5, 3))));
    assert_eq!(folded.object.at(&["details", "tokens"]).items().len(), 3);
    assert_eq!(kinds, [EventKind::Content, EventKind::Content, EventKind::End]);
    let overloaded = "data:{\"error\":\"Model is overloaded\",\"error_type\":\"overloaded\"}\n\n";
    let (folded, _) = fold(
        HUGGING_FACE,
        Framing::Sse,
        &format!("{}{overloaded}", &stream[..stream.find("data:{\"index\":2").unwrap()]),
    );
    assert_eq!(read(HUGGING_FACE, &folded.object).0, "Hel");
    assert!(folded.error.is_some());
}

#[test]
fn aleph_alphas_events_fold_into_its_completions() {
    let stream = r#"data: {"type":"stream_chunk","index":0,"completion":"Hel"}

data: {"type":"stream_chunk","index":0,"completion":"lo"}

data: {"type":"stream_summary","index":0,"model_version":"2022-04","finish_reason":"maximum_tokens"}

data: {"type":"completion_summary","num_tokens_prompt_total":5,"num_tokens_generated":3}

"#;
    let (folded, kinds) = fold(ALEPH_ALPHA, Framing::Sse, stream);
    assert_eq!(
        compact(&folded.object),
        r#"{"model_version":"2022-04","num_tokens_prompt_total":5,"num_tokens_generated":3,"completions":[{"completion":"Hello","finish_reason":"maximum_tokens"}]}"#
    );
    assert_eq!(read(ALEPH_ALPHA, &folded.object), ("Hello".into(), "maximum_tokens".into(), Some((5, 3))));
    assert_eq!(kinds, [EventKind::Content, EventKind::Content, EventKind::Other, EventKind::End]);
}

#[test]
fn a_chat_on_an_endpoint_of_ones_own_streams_as_a_chat() {
    let stream = r#"data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Hi"}}]}

data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

"#;
    let (folded, kinds) = fold(SAGEMAKER, Framing::Sse, stream);
    assert_eq!(read(SAGEMAKER, &folded.object), ("Hi".into(), "stop".into(), None));
    assert_eq!(kinds[0], EventKind::Content);
}

#[test]
fn events_of_other_apis_are_not_understood() {
    let (folded, kinds) = fold(HUGGING_FACE, Framing::Sse, "data: {\"value\":\"Hi\"}\n\ndata: 7\n\n");
    assert_eq!(kinds, [EventKind::Unknown, EventKind::Unknown]);
    assert_eq!(compact(&folded.object), "{}");
}
