//! What 10,000 calls in flight take at their peak, as a multiple of the bytes of their bodies. An allocator that counts
//! sees all of it, whoever asked: the spans of the registry, the requests, what has come of the answers.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]
#![allow(unsafe_code, reason = "only an allocator sees every allocation")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use llmlogs_test_support::canned::{self, Canned, URL};
use tracing_llmlogs::LlmCall;
use tracing_llmlogs::LlmLogMiddleware;

const CALLS: usize = 10_000;

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn more(bytes: usize) {
    PEAK.fetch_max(HELD.fetch_add(bytes, Ordering::Relaxed) + bytes, Ordering::Relaxed);
}

// SAFETY: everything is left to the system's allocator; the counts touch no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        more(layout.size());
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both may be held while the contents move.
        more(size);
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs `hold`, which gives what it holds in flight; the peak over what was held before.
fn peak<T>(hold: impl FnOnce() -> T) -> (usize, T) {
    let before = HELD.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let held = hold();
    (PEAK.load(Ordering::Relaxed) - before, held)
}

fn tell(what: &str, peak: usize, bodies: usize) {
    println!(
        "memory: {what}: {CALLS} calls in flight, peak {:.1} MB, bodies {:.1} MB, ratio {:.3}, {} bytes a call beside them",
        peak as f64 / 1e6,
        bodies as f64 / 1e6,
        peak as f64 / bodies as f64,
        (peak.saturating_sub(bodies)) / CALLS,
    );
}

/// Calls of `LlmCall`, which have sent 4 KB and wait.
fn waiting() {
    let recorder = support::recorder(&support::fast_place());
    let body = support::raw(support::request());
    tracing::dispatcher::with_default(&recorder.dispatch, || {
        let start = |_| LlmCall::builder("openai", "gpt-4o").request(&body).start();
        // What a recorder takes whatever it records is there before it is counted.
        start(0).finish(&support::raw(support::response()));
        recorder.flush();
        let (peak, calls) = peak(|| black_box((0..CALLS).map(start).collect::<Vec<_>>()));
        tell("LlmCall", peak, CALLS * body.get().len());
        drop(calls);
    });
}

/// Requests of 4 KB through the middleware, of whose streamed answers 2 KB have come in ten chunks.
fn streaming(through_ours: bool) -> usize {
    const CHUNK: usize = 200;
    const CAME: usize = 10;
    let recorder = support::recorder(&support::fast_place());
    let chunk = Bytes::from(vec![b'x'; CHUNK]);
    let canned = Canned { content_type: "text/event-stream", chunks: vec![chunk; 2 * CAME] };
    let client = canned::client(canned, through_ours.then(LlmLogMiddleware::new));
    let request = support::request();
    let runtime = canned::runtime();
    let peak = tracing::dispatcher::with_default(&recorder.dispatch, || {
        let begin = async || {
            // The request's bytes are counted once: the client lets go of them, the recorder keeps them.
            let mut response = client.post(URL).body(Bytes::from(request.clone())).send().await.unwrap();
            for _ in 0..CAME {
                response.chunk().await.unwrap();
            }
            response
        };
        drop(runtime.block_on(begin()));
        recorder.flush();
        let (peak, responses) = peak(|| {
            runtime.block_on(async {
                let mut responses = Vec::with_capacity(CALLS);
                for _ in 0..CALLS {
                    responses.push(begin().await);
                }
                responses
            })
        });
        drop(responses);
        peak
    });
    if through_ours {
        tell("middleware, streams half-way", peak, CALLS * (request.len() + CHUNK * CAME));
    }
    peak
}

fn main() {
    // `cargo test --benches` wants to know only whether it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    waiting();
    let alone = streaming(false);
    println!("memory: the client's own share of the same responses: {} bytes a call", alone / CALLS);
    streaming(true);
}
