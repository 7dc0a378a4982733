//! Roots that the real recorder writes.

use std::path::Path;
use std::time::Duration;

use llmlogs_test_support::{Recorded, recorder_with};
use serde_json::{Value, json};
use tracing::Dispatch;
use tracing_llmlogs::{LlmCall, LlmLogLayerBuilder};
use tracing_subscriber::prelude::*;

/// A recorder with a root of its own, and the means to record calls one by one.
pub struct Recorder {
    dispatch: Dispatch,
    recorded: Recorded,
}

impl Recorder {
    pub fn start() -> Self {
        Recorder::with(|builder| builder)
    }

    pub fn with(settings: impl FnOnce(LlmLogLayerBuilder) -> LlmLogLayerBuilder) -> Self {
        let (layer, recorded) = recorder_with(settings);
        Recorder { dispatch: Dispatch::new(tracing_subscriber::registry().with(layer)), recorded }
    }

    pub fn root(&self) -> &Path {
        self.recorded.root.path()
    }

    /// Runs `work` where its calls are recorded.
    pub fn record<T>(&self, work: impl FnOnce() -> T) -> T {
        tracing::dispatcher::with_default(&self.dispatch, work)
    }

    /// The subscriber, for futures that are to be recorded.
    pub fn dispatch(&self) -> &Dispatch {
        &self.dispatch
    }

    /// Records a call that was answered.
    pub fn ok(&self, model: &str, question: &str, answer: &str) {
        self.record(|| start(model, question).finish(&reply(model, answer)));
    }

    /// Records a call that failed.
    pub fn failed(&self, model: &str, question: &str, status: u16, error_type: &str, message: &str) {
        self.record(|| {
            let mut call = start(model, question);
            call.http_status(status);
            call.fail_as(error_type, &std::io::Error::other(message.to_owned()));
        });
    }

    /// Begins a call that stays in flight until it is finished.
    pub fn begin(&self, model: &str, question: &str) -> LlmCall {
        self.record(|| start(model, question))
    }

    /// Ends a call that was begun.
    pub fn finish(&self, call: LlmCall, model: &str, answer: &str) {
        self.record(|| call.finish(&reply(model, answer)));
    }

    /// Waits until everything that has ended is on disk.
    pub fn flush(&self) {
        self.recorded.guard.flush(Duration::from_secs(20)).unwrap();
    }

    /// Returns the paths (`DAY/SESSION/CALL`) of the calls on disk, oldest first.
    pub fn paths(&self) -> Vec<String> {
        self.flush();
        let mut calls = llmlogs_test_support::calls_below(self.root());
        calls.sort_by(|a, b| a.dir.cmp(&b.dir));
        let path = |dir: &Path| dir.strip_prefix(self.root()).unwrap().to_str().unwrap().to_owned();
        calls.iter().map(|call| path(&call.dir)).collect()
    }
}

fn start(model: &str, question: &str) -> LlmCall {
    LlmCall::builder("openai", model).operation("chat").request(&chat(model, question)).start()
}

/// Returns the request of a chat with one question.
pub fn chat(model: &str, question: &str) -> Value {
    json!({"model": model, "messages": [{"role": "system", "content": "Answer in one word."},
                                        {"role": "user", "content": question}]})
}

/// Returns the answer of a chat.
pub fn reply(model: &str, answer: &str) -> Value {
    json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1_764_000_000, "model": model,
           "choices": [{"index": 0, "message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}],
           "usage": {"prompt_tokens": 24, "completion_tokens": 3, "total_tokens": 27}})
}
