//! What tests, benches and examples share: recorders with a root of their own, calls read back, a loopback LLM API,
//! answers without a network, child processes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

pub mod agent;
pub mod api;
pub mod arrows;
pub mod canned;
pub mod child;
pub mod example;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tracing::Dispatch;
use tracing_llmlogs::{LlmLogGuard, LlmLogLayer, LlmLogLayerBuilder};
use tracing_subscriber::prelude::*;

/// A recorder with a root of its own.
pub struct Recorded {
    // Dropped first: what still waits is written before the root goes.
    pub guard: LlmLogGuard,
    pub root: TempDir,
}

/// A layer with default settings and its recorder.
pub fn recorder() -> (LlmLogLayer, Recorded) {
    recorder_with(|builder| builder)
}

pub fn recorder_with(
    settings: impl FnOnce(LlmLogLayerBuilder) -> LlmLogLayerBuilder,
) -> (LlmLogLayer, Recorded) {
    let root = tempfile::tempdir().unwrap();
    let (layer, guard) = settings(LlmLogLayer::builder().root(root.path())).build().unwrap();
    (layer, Recorded { root, guard })
}

/// A subscriber with nothing but the layer.
pub fn subscriber() -> (Dispatch, Recorded) {
    subscriber_with(|builder| builder)
}

pub fn subscriber_with(
    settings: impl FnOnce(LlmLogLayerBuilder) -> LlmLogLayerBuilder,
) -> (Dispatch, Recorded) {
    let (layer, recorded) = recorder_with(settings);
    (Dispatch::new(tracing_subscriber::registry().with(layer)), recorded)
}

impl Recorded {
    /// All calls that are closed by now, in the order of their numbers.
    pub fn calls(&self) -> Vec<Call> {
        self.guard.flush(Duration::from_secs(20)).unwrap();
        calls_below(self.root.path())
    }

    /// The only call.
    #[track_caller]
    pub fn call(&self) -> Call {
        let mut calls = self.calls();
        assert_eq!(calls.len(), 1, "one call, one folder: {calls:?}");
        calls.remove(0)
    }
}

/// The call folders below `root`, in the order of their numbers.
pub fn calls_below(root: &Path) -> Vec<Call> {
    let root = tracing_llmlogs::read::Root::open(root).unwrap();
    root.calls().map(|call| Call { dir: call.unwrap().dir().to_owned() }).collect()
}

/// A call's folder.
#[derive(Debug)]
pub struct Call {
    pub dir: PathBuf,
}

impl Call {
    pub fn text(&self, file: &str) -> String {
        let path = self.dir.join(file);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub fn json(&self, file: &str) -> Value {
        serde_json::from_str(&self.text(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    pub fn metadata(&self) -> Value {
        self.json("metadata.json")
    }

    /// The value at `pointer` of `metadata.json`.
    #[track_caller]
    pub fn meta(&self, pointer: &str) -> Value {
        let metadata = self.metadata();
        metadata.pointer(pointer).unwrap_or_else(|| panic!("no {pointer} in {metadata:#}")).clone()
    }

    /// Asserts several values of `metadata.json` at once.
    #[track_caller]
    pub fn assert_meta(&self, expected: &[(&str, Value)]) {
        let metadata = self.metadata();
        for (pointer, value) in expected {
            assert_eq!(metadata.pointer(pointer), Some(value), "{pointer} of {metadata:#}");
        }
    }

    pub fn is_finished(&self) -> bool {
        self.dir.join("metadata.json").exists()
    }
}

/// A writer for a `fmt` layer that keeps what is written.
#[derive(Clone, Default)]
pub struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl Log {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl tracing_subscriber::fmt::MakeWriter<'_> for Log {
    type Writer = Log;

    fn make_writer(&self) -> Log {
        self.clone()
    }
}
