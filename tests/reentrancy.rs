//! Tracing from inside what the layer is given: under the global default, where a lock that is held
//! would be waited for for ever. A binary of its own, because the global default is set.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use llmlogs_test_support as support;

use std::fmt;
use std::sync::mpsc;
use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::json;
use tracing::{info, info_span};
use tracing_llmlogs::LlmCall;
use tracing_subscriber::prelude::*;

/// Says that it is being looked at, in an event and a span and on the span it is a field of.
struct Chatty;

impl Chatty {
    fn chat() {
        info!(prompt_tokens = 1, "inside");
        let inner = info_span!("inner", gen_ai.operation.name = "embeddings", note = "x");
        inner.in_scope(|| info!(finish_reason = "stop"));
        tracing::Span::current().record("late", "set from inside");
        LlmCall::builder("openai", "m").request(&json!({"input": "x"})).start().finish(&json!({}));
    }
}

impl fmt::Debug for Chatty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Chatty::chat();
        f.write_str("chatty")
    }
}

impl fmt::Display for Chatty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Serialize for Chatty {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Chatty::chat();
        serializer.serialize_str("chatty")
    }
}

#[test]
fn tracing_from_a_users_debug_display_or_body_does_not_deadlock() {
    let (layer, recorded) = support::recorder();
    let (second, _second_recorded) = support::recorder();
    tracing_subscriber::registry().with(layer).with(second).init();
    let (done, waiting) = mpsc::channel();
    std::thread::spawn(move || {
        let span = info_span!("chat", gen_ai.operation.name = "chat", opened = ?Chatty, late = tracing::field::Empty);
        span.in_scope(|| {
            span.record("late", tracing::field::display(Chatty));
            info!(error_message = %Chatty, "seen");
        });
        drop(span);
        let call = LlmCall::builder("openai", "m").request(&Chatty).start();
        call.span().in_scope(|| info!(finish_reason = ?Chatty));
        call.finish(&Chatty);
        let call = LlmCall::builder("openai", "m").start();
        call.fail(&Chatty);
        done.send(()).unwrap();
    });
    waiting.recv_timeout(Duration::from_secs(20)).expect("no deadlock");
    let calls = recorded.calls();
    assert!(calls.len() > 4);
    let chat = calls.iter().find(|call| call.metadata()["context"]["opened"] == "chatty").unwrap();
    chat.assert_meta(&[("/response_info/error_message", json!("chatty"))]);
}
