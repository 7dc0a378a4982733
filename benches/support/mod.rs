//! What the benches share: the bodies of a call, places to write to, and the ratios that a run ends with.

#![allow(dead_code, reason = "each bench uses a part of it")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::Criterion;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use serde_json::Value;
use serde_json::value::RawValue;
use tempfile::TempDir;
use tracing::Dispatch;
use tracing_llmlogs::{LlmLogGuard, LlmLogLayer};
use tracing_subscriber::prelude::*;

/// Short runs: what is looked for are ratios, not the last percent.
pub fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(12)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
}

/// A request of 4 KB.
pub fn request() -> String {
    format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"{}"}}]}}"#, "x".repeat(4030))
}

/// A response of 2 KB.
pub fn response() -> String {
    format!(
        r#"{{"id":"c","model":"gpt-4o","choices":[{{"index":0,"message":{{"role":"assistant","content":"{}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":1296,"completion_tokens":167,"total_tokens":1463}}}}"#,
        "y".repeat(1850)
    )
}

pub fn raw(json: String) -> Box<RawValue> {
    RawValue::from_string(json).unwrap()
}

/// A subscriber with nothing but the layer, its recorder writing below `place`.
pub struct Recorder {
    pub dispatch: Dispatch,
    pub guard: LlmLogGuard,
    /// Last, so that the recorder has ended when the folder goes.
    pub root: TempDir,
}

pub fn recorder(place: &Path) -> Recorder {
    let root = tempfile::tempdir_in(place).unwrap();
    let (layer, guard) = LlmLogLayer::builder().root(root.path()).build().unwrap();
    Recorder { dispatch: Dispatch::new(tracing_subscriber::registry().with(layer)), guard, root }
}

impl Recorder {
    /// Waits until everything is on disk; a run that lost bodies would have measured something else.
    pub fn flush(&self) {
        self.guard.flush(Duration::from_secs(120)).unwrap();
        let stats = self.guard.stats();
        assert_eq!((stats.lost, stats.degraded), (0, 0), "the queue's budget was too small for this run");
    }
}

/// Takes what is exported and lets go of it.
#[derive(Debug)]
struct Discard;

impl SpanExporter for Discard {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        black_box(batch);
        Ok(())
    }
}

/// A subscriber with nothing but OpenTelemetry's layer, and what exports its spans in batches, to nowhere.
pub fn opentelemetry() -> (Dispatch, SdkTracerProvider) {
    let provider = SdkTracerProvider::builder().with_batch_exporter(Discard).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("bench"));
    (Dispatch::new(tracing_subscriber::registry().with(layer)), provider)
}

/// Memory, where the system has a file system of it, and the disk.
pub fn places() -> Vec<(&'static str, PathBuf)> {
    let memory = PathBuf::from("/dev/shm");
    let memory = memory.is_dir().then_some(("tmpfs", memory));
    memory.into_iter().chain([("disk", std::env::temp_dir())]).collect()
}

/// Where writing is fastest.
pub fn fast_place() -> PathBuf {
    places().swap_remove(0).1
}

/// Prints what each of `ours` takes as a multiple of what `floor` takes, with the range that the two confidence
/// intervals leave open, and the difference a piece of work where there are `pieces` of them. The fastest samples say
/// the same with less of what else runs on the machine.
pub fn ratios(group: &str, floor: &str, ours: &[&str], pieces: u32) {
    for name in ours {
        let (Some(one), Some(other)) = (estimate(group, name), estimate(group, floor)) else {
            // Benches run as tests measure nothing.
            return;
        };
        let pieces = f64::from(pieces);
        println!(
            "{group}: {name} / {floor} = {:.3} ({:.3} to {:.3}); {:.0} ns against {:.0} ns, {:+.1} ns; fastest {:.3}, {:+.1} ns",
            one[1] / other[1],
            one[0] / other[2],
            one[2] / other[0],
            one[1] / pieces,
            other[1] / pieces,
            (one[1] - other[1]) / pieces,
            one[3] / other[3],
            (one[3] - other[3]) / pieces,
        );
    }
}

/// The median of a measurement between the ends of its confidence interval, and its fastest sample, in nanoseconds.
fn estimate(group: &str, name: &str) -> Option<[f64; 4]> {
    let home = std::env::var_os("CRITERION_HOME").map(PathBuf::from).unwrap_or_else(|| {
        std::env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from).join("criterion")
    });
    let read = |file| {
        let file = home.join(group).join(name).join("new").join(file);
        serde_json::from_slice::<Value>(&std::fs::read(file).ok()?).ok()
    };
    let (estimates, sample) = (read("estimates.json")?, read("sample.json")?);
    let numbers = |key: &str| sample[key].as_array().into_iter().flatten().filter_map(Value::as_f64);
    let fastest = numbers("times").zip(numbers("iters")).map(|(time, iterations)| time / iterations);
    let median = &estimates["median"];
    let interval = &median["confidence_interval"];
    Some([
        interval["lower_bound"].as_f64()?,
        median["point_estimate"].as_f64()?,
        interval["upper_bound"].as_f64()?,
        fastest.reduce(f64::min)?,
    ])
}
