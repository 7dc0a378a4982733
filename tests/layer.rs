//! The layer alone: spans and events into calls, whatever surrounds them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use llmlogs_test_support as support;

use serde_json::json;
use support::{Recorded, recorder, recorder_with, subscriber, subscriber_with};
use tracing::{Dispatch, error, info, info_span, record_all};
use tracing_llmlogs::{Language, LlmCall, LlmLogLayer, Price};
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

/// One call as a library would tell it, without any name of ours.
fn plain_call() {
    let span = info_span!(
        "chat",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = "deepseek",
        gen_ai.request.model = "deepseek-chat",
        gen_ai.usage.input_tokens = tracing::field::Empty,
        gen_ai.usage.output_tokens = tracing::field::Empty,
    );
    let _entered = span.enter();
    record_all!(span, gen_ai.usage.input_tokens = 12, gen_ai.usage.output_tokens = 3);
}

#[track_caller]
fn assert_plain_call(recorded: &Recorded) {
    recorded.call().assert_meta(&[
        ("/status", json!("ok")),
        ("/api_info/provider", json!("deepseek")),
        ("/api_info/model", json!("deepseek-chat")),
        ("/usage/prompt_tokens", json!(12)),
        ("/usage/completion_tokens", json!(3)),
        ("/usage/total_tokens", json!(15)),
    ]);
}

#[test]
fn it_records_in_every_place_of_a_subscriber() {
    type Arrange = fn(LlmLogLayer) -> Dispatch;
    let arrangements: [(&str, Arrange); 9] = [
        ("alone", |layer| Dispatch::new(tracing_subscriber::registry().with(layer))),
        ("below fmt", |layer| {
            let fmt = fmt::layer().with_writer(std::io::sink);
            Dispatch::new(tracing_subscriber::registry().with(layer).with(fmt))
        }),
        ("above fmt", |layer| {
            let fmt = fmt::layer().with_writer(std::io::sink);
            Dispatch::new(tracing_subscriber::registry().with(fmt).with(layer))
        }),
        ("as an option", |layer| Dispatch::new(tracing_subscriber::registry().with(Some(layer)))),
        ("boxed", |layer| {
            let boxed: Box<dyn Layer<Registry> + Send + Sync> = Box::new(layer);
            Dispatch::new(tracing_subscriber::registry().with(boxed))
        }),
        ("in a vector", |layer| Dispatch::new(tracing_subscriber::registry().with(vec![layer]))),
        ("with a filter of its own", |layer| {
            let filtered = layer.with_filter(EnvFilter::new("info"));
            Dispatch::new(tracing_subscriber::registry().with(filtered))
        }),
        ("beside a filtered layer", |layer| {
            let fmt = fmt::layer().with_writer(std::io::sink).with_filter(EnvFilter::new("off"));
            Dispatch::new(tracing_subscriber::registry().with(fmt).with(layer))
        }),
        ("behind reload", |layer| {
            let (layer, _handle) = reload::Layer::new(layer);
            Dispatch::new(tracing_subscriber::registry().with(layer))
        }),
    ];
    for (name, arrange) in arrangements {
        let (layer, recorded) = recorder();
        let body = json!({"model": "m", "messages": [{"role": "user", "content": name}]});
        tracing::dispatcher::with_default(&arrange(layer), || {
            plain_call();
            // Bodies travel beside the span and must get through as well.
            let call = LlmCall::builder("openai", "m").request(&body).start();
            call.finish(&json!({"id": "1", "choices": []}));
        });
        let calls = recorded.calls();
        assert_eq!(calls.len(), 2, "{name}");
        calls[0].assert_meta(&[("/usage/total_tokens", json!(15))]);
        assert_eq!(calls[1].json("input.json"), body, "{name}");
    }
}

#[test]
fn two_instances_with_two_roots_both_record() {
    let (first, first_recorded) = recorder();
    let (second, second_recorded) = recorder_with(|builder| builder.context_field("tenant"));
    let subscriber = Dispatch::new(tracing_subscriber::registry().with(first).with(second));
    tracing::dispatcher::with_default(&subscriber, || {
        info_span!("request", tenant = "t1").in_scope(plain_call);
    });
    assert_plain_call(&first_recorded);
    assert_plain_call(&second_recorded);
    assert_eq!(first_recorded.call().metadata()["context"]["tenant"], json!(null));
    assert_eq!(second_recorded.call().meta("/context/tenant"), json!("t1"));
}

#[test]
fn a_call_is_recognised_by_operation_openinference_kind_or_predicate() {
    let (subscriber, recorded) = subscriber_with(|b| b.call_if(|metadata| metadata.name() == "my_own"));
    tracing::dispatcher::with_default(&subscriber, || {
        info_span!("a", gen_ai.operation.name = "embeddings").in_scope(|| {});
        info_span!("b", openinference.span.kind = "LLM", llm.model_name = "m").in_scope(|| {});
        info_span!("my_own", model = "x").in_scope(|| {});
        info_span!("no", openinference.span.kind = "CHAIN").in_scope(|| {});
        info_span!("no", gen_ai.operation.name = "invoke_agent").in_scope(|| {});
        info_span!("no", gen_ai.operation.name = "execute_tool").in_scope(|| {});
        info_span!("no", gen_ai.operation.name = tracing::field::Empty).in_scope(|| {});
        info_span!("no", model = "x").in_scope(|| {});
    });
    let calls = recorded.calls();
    let operations: Vec<_> = calls.iter().map(|call| call.meta("/api_info/operation")).collect();
    assert_eq!(operations, ["embeddings", "chat", "chat"]);
    assert_eq!(calls[1].meta("/api_info/model"), json!("m"));
    // Fields that have no place of their own are kept all the same.
    assert_eq!(calls[2].meta("/context/model"), json!("x"));
}

#[test]
fn an_operation_that_is_recorded_late_decides_at_the_close() {
    let (subscriber, recorded) = subscriber();
    tracing::dispatcher::with_default(&subscriber, || {
        for operation in ["chat", "invoke_agent"] {
            let span = info_span!("agent_chat", gen_ai.operation.name = tracing::field::Empty);
            span.record("gen_ai.operation.name", operation);
        }
    });
    recorded.call().assert_meta(&[("/api_info/operation", json!("chat"))]);
}

#[test]
fn short_names_in_a_plain_event_are_enough() {
    let (subscriber, recorded) = subscriber();
    tracing::dispatcher::with_default(&subscriber, || {
        let span = info_span!("chat", gen_ai.operation.name = "chat");
        let _entered = span.enter();
        info!(
            prompt_tokens = 12,
            completion_tokens = 3,
            total_tokens = 16,
            finish_reason = "stop",
            latency_ms = 250,
            "done"
        );
    });
    recorded.call().assert_meta(&[
        ("/usage/prompt_tokens", json!(12)),
        ("/usage/completion_tokens", json!(3)),
        ("/usage/total_tokens", json!(16)),
        ("/response_info/finish_reason", json!("stop")),
        ("/performance/latency_ms", json!(250)),
        ("/performance/tokens_per_second", json!(12.0)),
    ]);
}

#[test]
fn an_event_with_error_fields_makes_the_call_a_failure() {
    let (subscriber, recorded) = subscriber_with(|builder| builder.language(Language::Chinese));
    let root_cause = std::io::Error::other("connection reset");
    tracing::dispatcher::with_default(&subscriber, || {
        let call = || info_span!("chat", gen_ai.operation.name = "chat").entered();
        let entered = call();
        info!(error_type = "TimeoutError", error_message = "took too long");
        drop(entered);
        let entered = call();
        error!(error = &root_cause as &dyn std::error::Error, "failed");
        drop(entered);
        let entered = call();
        info!(error = "only said", "no failure");
        drop(entered);
        // In a span inside the call.
        let entered = call();
        info_span!("parse").in_scope(|| error!(error = "no JSON"));
        drop(entered);
    });
    let calls = recorded.calls();
    let told: Vec<_> = calls
        .iter()
        .map(|call| {
            (
                call.meta("/status"),
                call.meta("/response_info/error_type"),
                call.meta("/response_info/error_message"),
            )
        })
        .collect();
    let error = |kind: &str, message: &str| (json!("error"), json!(kind), json!(message));
    assert_eq!(
        told,
        [
            error("TimeoutError", "took too long"),
            error("APIError", "connection reset"),
            (json!("ok"), json!(""), json!("")),
            error("APIError", "no JSON"),
        ]
    );
    let output = calls[0].json("output.json");
    assert_eq!(output["error_type"], "TimeoutError");
    assert_eq!(output["choices"], json!([]));
    assert!(
        calls[0]
            .text("output.txt")
            .contains("⚠️ API 调用失败\n\n错误类型: TimeoutError\n错误消息: took too long\n")
    );
}

#[test]
fn a_call_that_a_destructor_finishes_while_a_panic_unwinds_has_not_panicked() {
    struct FinishedOnDrop(Option<LlmCall>);
    impl Drop for FinishedOnDrop {
        fn drop(&mut self) {
            self.0.take().unwrap().finish(&json!({"choices": []}));
        }
    }
    let (subscriber, recorded) = subscriber();
    tracing::dispatcher::with_default(&subscriber, || {
        let call = FinishedOnDrop(Some(LlmCall::builder("openai", "m").start()));
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _call = call;
            std::panic::resume_unwind(Box::new("planned"));
        }))
        .unwrap_err();
    });
    recorded.call().assert_meta(&[("/status", json!("ok"))]);
}

#[test]
fn a_panic_through_the_span_makes_the_call_a_failure() {
    let (subscriber, recorded) = subscriber();
    tracing::dispatcher::with_default(&subscriber, || {
        let outcome = std::panic::catch_unwind(|| {
            let _call = info_span!("chat", gen_ai.operation.name = "chat").entered();
            panic!("planned");
        });
        assert!(outcome.is_err());
    });
    recorded
        .call()
        .assert_meta(&[("/status", json!("error")), ("/response_info/error_type", json!("PanicError"))]);
}

#[test]
fn context_comes_from_the_enclosing_spans_and_inner_ones_win() {
    let (subscriber, recorded) = subscriber_with(|builder| builder.context_field("tenant"));
    tracing::dispatcher::with_default(&subscriber, || {
        let agent = info_span!("agent", user_message = "hello", phase = "Plan", tenant = "t1", secret = "no")
            .entered();
        let plan =
            info_span!("plan", phase = "Act", iteration = 2, task_id = tracing::field::Empty).entered();
        plan.record("task_id", "t-1");
        info_span!("unrelated", other = 1).in_scope(plain_call);
        drop((plan, agent));
    });
    recorded.call().assert_meta(&[
        ("/context/user_message", json!("hello")),
        ("/context/phase", json!("Act")),
        ("/context/agent_iteration", json!(2)),
        ("/context/task_id", json!("t-1")),
        ("/context/round", json!(null)),
        ("/context/tenant", json!("t1")),
        ("/context/spans", json!(["agent", "plan", "unrelated"])),
    ]);
    assert_eq!(recorded.call().metadata()["context"].get("secret"), None);
}

#[test]
fn messages_in_fields_become_bodies_in_the_chat_shape() {
    let (subscriber, recorded) = subscriber();
    let input = r#"[{"role":"user","parts":[{"type":"text","content":"What is in config.py?"}]}]"#;
    let output = r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"read_file","arguments":{"path":"config.py"}}],"finish_reason":"tool_call"}]"#;
    tracing::dispatcher::with_default(&subscriber, || {
        info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = "m",
            gen_ai.system_instructions = r#"[{"type":"text","content":"Be brief."}]"#,
            gen_ai.input.messages = input,
            gen_ai.output.messages = output,
        )
        .in_scope(|| {});
    });
    let call = recorded.call();
    assert_eq!(
        call.json("input.json"),
        json!({"model": "m", "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is in config.py?"}]})
    );
    let output = call.json("output.json");
    assert_eq!(output["choices"][0]["message"]["tool_calls"][0]["function"]["name"], "read_file");
    call.assert_meta(&[
        ("/context/user_message", json!("What is in config.py?")),
        ("/response_info/tool_names", json!(["read_file"])),
        ("/response_info/finish_reason", json!("tool_calls")),
        ("/request_info/messages_count", json!(2)),
    ]);
}

fn body(text: &str) -> serde_json::Value {
    json!({"model": "m", "messages": [{"role": "user", "content": text}]})
}

fn reply(text: &str) -> serde_json::Value {
    json!({"id": "r", "object": "chat.completion", "model": "m", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1296, "completion_tokens": 167, "total_tokens": 1463}})
}

fn inner_call(text: &str) {
    LlmCall::builder("deepseek", "deepseek-chat").request(&body(text)).start().finish(&reply(text));
}

#[test]
fn a_call_span_around_the_same_request_is_one_call() {
    let (subscriber, recorded) = subscriber();
    tracing::dispatcher::with_default(&subscriber, || {
        let outer = info_span!("chat", gen_ai.operation.name = "chat", gen_ai.conversation.id = "conv");
        outer.in_scope(|| {
            inner_call("a");
            inner_call("a");
        });
        drop(outer);
        let outer = LlmCall::builder("deepseek", "deepseek-chat").request(&body("b")).start();
        outer.span().in_scope(|| inner_call("b"));
        outer.finish(&reply("b"));
    });
    let calls = recorded.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].metadata()["attempts"].as_array().unwrap().len(), 2);
    assert_eq!(calls[1].metadata()["attempts"], json!([]));
    for (call, text) in calls.iter().zip(["a", "b"]) {
        assert_eq!(call.json("input.json"), body(text));
        assert_eq!(call.json("output.json"), reply(text));
        call.assert_meta(&[("/status", json!("ok")), ("/usage/total_tokens", json!(1463))]);
    }
    calls[0].assert_meta(&[("/context/gen_ai.conversation.id", json!("conv"))]);
}

#[test]
fn a_request_two_call_spans_deep_is_recorded() {
    let (subscriber, recorded) = subscriber();
    tracing::dispatcher::with_default(&subscriber, || {
        let outer = info_span!("agent_chat", gen_ai.operation.name = "chat").entered();
        let library = info_span!("library_chat", gen_ai.operation.name = "chat").entered();
        inner_call("a");
        drop(library);
        drop(outer);
    });
    let call = recorded.call();
    assert_eq!(call.json("input.json"), body("a"));
    assert_eq!(call.json("output.json"), reply("a"));
    call.assert_meta(&[("/status", json!("ok")), ("/attempts", json!([])), ("/context/spans", json!([]))]);
}

#[test]
fn a_span_around_different_requests_is_context() {
    for operation in ["invoke_agent", "chat"] {
        let (subscriber, recorded) = subscriber();
        tracing::dispatcher::with_default(&subscriber, || {
            let outer = info_span!("agent", gen_ai.operation.name = operation, gen_ai.agent.name = "planner");
            outer.in_scope(|| {
                inner_call("a");
                inner_call("b");
                inner_call("c");
            });
        });
        let calls = recorded.calls();
        let inputs: Vec<_> = calls.iter().map(|call| call.json("input.json")).collect();
        assert_eq!(inputs, [body("a"), body("b"), body("c")], "{operation}");
        for call in &calls {
            call.assert_meta(&[
                ("/context/spans", json!(["agent"])),
                ("/context/gen_ai.agent.name", json!("planner")),
                ("/attempts", json!([])),
            ]);
        }
    }
}

#[test]
fn overlapping_different_calls_in_one_span_are_calls_of_their_own() {
    let (subscriber, recorded) = subscriber();
    tracing::dispatcher::with_default(&subscriber, || {
        let outer = info_span!("both", gen_ai.operation.name = "chat").entered();
        let first = LlmCall::builder("openai", "m").request(&body("a")).start();
        let second = LlmCall::builder("openai", "m").request(&body("b")).start();
        second.finish(&reply("b"));
        first.finish(&reply("a"));
        drop(outer);
    });
    let calls = recorded.calls();
    let texts: Vec<_> =
        calls.iter().map(|call| (call.json("input.json"), call.json("output.json"))).collect();
    assert_eq!(texts, [(body("a"), reply("a")), (body("b"), reply("b"))]);
}

#[test]
fn the_request_of_a_call_whose_answer_gives_way_is_kept() {
    let (subscriber, recorded) = subscriber_with(|builder| builder.max_queue_bytes(20 << 10));
    let long = |length| body(&"x".repeat(length));
    tracing::dispatcher::with_default(&subscriber, || {
        LlmCall::builder("openai", "m").request(&long(8 << 10)).start().finish(&long(30 << 10));
    });
    let call = recorded.call();
    assert_eq!(call.json("input.json"), long(8 << 10));
    call.assert_meta(&[("/truncated/output", json!(true))]);
    assert_eq!(recorded.guard.stats().degraded, 1);
}

#[test]
fn a_call_by_hand_succeeds_fails_or_is_cancelled() {
    let (subscriber, recorded) = subscriber_with(|b| b.price("m", Price::per_thousand(0.001, 0.002, "CNY")));
    tracing::dispatcher::with_default(&subscriber, || {
        inner_call("hi");
        let url = "https://user:pw@api.deepseek.com/chat/completions?key=s3cret";
        let call = LlmCall::builder("deepseek", "deepseek-chat").url(url).request(&body("x")).start();
        call.fail(&std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            "no answer from https://u:p@h/x?key=s3cret",
        ));
        drop(LlmCall::builder("deepseek", "deepseek-chat").request(&body("y")).start());
    });
    let calls = recorded.calls();
    calls[0].assert_meta(&[
        ("/status", json!("ok")),
        ("/cost_estimate/total_cost", json!(0.00163)),
        ("/cost_estimate/currency", json!("CNY")),
    ]);
    calls[1].assert_meta(&[
        ("/status", json!("error")),
        ("/response_info/error_type", json!("TimeoutError")),
        ("/response_info/error_message", json!("no answer from https://h/x")),
        ("/api_info/base_url", json!("https://api.deepseek.com")),
        ("/api_info/endpoint", json!("/chat/completions")),
    ]);
    calls[2].assert_meta(&[
        ("/status", json!("cancelled")),
        ("/response_info/error_type", json!("CancelledError")),
    ]);
    assert_eq!(calls[2].json("output.json")["error"], json!(true));
}

#[test]
fn the_request_is_on_disk_while_the_call_is_in_flight() {
    let (subscriber, recorded) = subscriber();
    tracing::dispatcher::with_default(&subscriber, || {
        let call = LlmCall::builder("deepseek", "m").request(&body("first")).start();
        let before = recorded.call();
        assert_eq!(before.json("input.json"), body("first"));
        assert!(before.text("input.txt").contains("[1] USER:"));
        assert!(!before.is_finished());
        call.finish(&reply("done"));
    });
    assert!(recorded.call().is_finished());
}

#[test]
fn bodies_are_stored_as_they_went_over_the_wire() {
    let (subscriber, recorded) = subscriber();
    let raw: Box<serde_json::value::RawValue> =
        serde_json::from_str(r#"{"z":1.0,"a":12345678901234567890,"e":1e2,"messages":[],"u":"\u4f60"}"#)
            .unwrap();
    tracing::dispatcher::with_default(&subscriber, || {
        LlmCall::builder("deepseek", "m").request(&raw).start().finish(&raw);
    });
    let expected = "{\n  \"z\": 1.0,\n  \"a\": 12345678901234567890,\n  \"e\": 1e2,\n  \"messages\": [],\n  \"u\": \"你\"\n}\n";
    assert_eq!(recorded.call().text("input.json"), expected);
    assert_eq!(recorded.call().text("output.json"), expected);
}

#[test]
fn recording_can_be_switched_off_and_on() {
    let (subscriber, recorded) = subscriber();
    tracing::dispatcher::with_default(&subscriber, || {
        recorded.guard.set_enabled(false);
        inner_call("unseen");
        plain_call();
        recorded.guard.set_enabled(true);
        inner_call("seen");
    });
    assert_eq!(recorded.call().json("input.json"), body("seen"));

    let (subscriber, recorded) = subscriber_with(|builder| builder.enabled(false));
    tracing::dispatcher::with_default(&subscriber, || inner_call("unseen"));
    assert_eq!(std::fs::read_dir(recorded.root.path()).unwrap().count(), 0);
    assert_eq!(recorded.guard.session_id(), "");
}

#[test]
fn the_reply_tells_whose_it_is_where_no_address_does() {
    let cases = [
        (
            "anthropic",
            json!({"type": "message", "id": "m", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}],
          "stop_reason": "tool_use", "usage": {"input_tokens": 1, "cache_read_input_tokens": 10, "output_tokens": 2}}),
            [11, 2, 13],
            "tool_use",
        ),
        (
            "openai",
            json!({"id": "c", "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant",
          "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}}],
          "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}),
            [3, 2, 5],
            "tool_calls",
        ),
        (
            "ollama",
            json!({"model": "l", "message": {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]},
          "done": true, "done_reason": "stop", "prompt_eval_count": 4, "eval_count": 3}),
            [4, 3, 7],
            "stop",
        ),
        (
            "gcp.gemini",
            json!({"candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "args": {}}}]}, "finishReason": "STOP"}],
          "usageMetadata": {"promptTokenCount": 2, "candidatesTokenCount": 1, "totalTokenCount": 3}}),
            [2, 1, 3],
            "STOP",
        ),
    ];
    for (provider, reply, [prompt, completion, total], reason) in cases {
        let (subscriber, recorded) = subscriber();
        tracing::dispatcher::with_default(&subscriber, || {
            LlmCall::builder(provider, "m").start().finish(&reply)
        });
        recorded.call().assert_meta(&[
            ("/usage/prompt_tokens", json!(prompt)),
            ("/usage/completion_tokens", json!(completion)),
            ("/usage/total_tokens", json!(total)),
            ("/response_info/finish_reason", json!(reason)),
            ("/response_info/tool_names", json!(["f"])),
        ]);
    }
}

#[test]
fn a_prompt_of_a_megabyte_was_copied_into_the_metadata() {
    let prompt = "word ".repeat(1 << 18);
    let (subscriber, recorded) = subscriber();
    tracing::dispatcher::with_default(&subscriber, || {
        let agent = info_span!("agent", user_message = %prompt, phase = "Plan");
        agent.in_scope(|| {
            let request = json!({"model": "m", "messages": [{"role": "user", "content": prompt}]});
            let reply = json!({"id": "r", "choices": [{"message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}]});
            LlmCall::builder("openai", "m").request(&request).start().finish(&reply);
        });
        let request = json!({"model": "m", "messages": [{"role": "user", "content": prompt}]});
        let reply = json!({"id": "r", "choices": [{"message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}]});
        LlmCall::builder("openai", "m").request(&request).start().finish(&reply);
    });
    let calls = recorded.calls();
    assert_eq!(calls.len(), 2);
    for call in calls {
        let message = call.meta("/context/user_message");
        let message = message.as_str().unwrap();
        assert!(message.starts_with("word word ") && message.ends_with("… [cut]"), "{message}");
        assert!(call.text("metadata.json").len() < 8 << 10);
        call.assert_meta(&[("/truncated/context", json!(true)), ("/truncated/input", json!(false))]);
        assert_eq!(call.json("input.json")["messages"][0]["content"].as_str().unwrap().len(), prompt.len());
    }
}
