//! A flight recorder for LLM API calls.
//!
//! Every call that a program makes to an LLM API, failed ones above all, is left as plain files in a folder of its own:
//! the request as it was sent, the response as it would have come without streaming, both again as text for people, and
//! `metadata.json` with provider, model, tokens, cost, latency, errors and context. The program's own threads only gather
//! by reference; a thread of the recorder decodes and writes.
//!
//! There are two sides, each useful without the other: [`LlmLogLayer`] records the calls whose `tracing` spans it sees,
//! and [`LlmLogMiddleware`] opens such spans for a `reqwest-middleware` client.
//!
//! ```no_run
//! use tracing_subscriber::prelude::*;
//!
//! # #[cfg(feature = "middleware")]
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let (layer, _guard) = tracing_llmlogs::layer()?;
//!     tracing_subscriber::registry().with(layer).init();
//!
//!     let client = reqwest_middleware::ClientBuilder::new(reqwest::Client::new())
//!         .with(tracing_llmlogs::LlmLogMiddleware::new())
//!         .build();
//!     client.post("https://api.deepseek.com/chat/completions").body("{ … }").send().await?;
//!     Ok(())
//! }
//! # #[cfg(not(feature = "middleware"))]
//! # fn main() {}
//! ```
//!
//! [`layer()`] has every setting at its default, and fails if it cannot make its folder; [`layer_or_off`] goes on without
//! recording then. [`LlmLogLayer::builder`] has the settings. Calls are recorded below
//! `$LLMLOGS_ROOT`, else below `./llmlogs/apiCall`; with `LLMLOGS=off` in the environment nothing is.
//!
//! # The layer alone
//!
//! A span is a call if it has OpenTelemetry's field `gen_ai.operation.name` (except for `invoke_agent`, `create_agent`,
//! `execute_tool` and `invoke_workflow`, which surround calls), or OpenInference's `openinference.span.kind = "LLM"`, or
//! if the predicate given to [`LlmLogLayerBuilder::call_if`] returns `true`. What its fields and the events inside it
//! say is recorded, by the names of both conventions and some short ones:
//!
//! ```
//! # let root = tempfile::tempdir()?;
//! use tracing::{info, info_span};
//! use tracing_llmlogs::LlmLogLayer;
//! use tracing_subscriber::prelude::*;
//!
//! let (layer, guard) = LlmLogLayer::builder().root(root.path()).build()?;
//! tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
//!     let call = info_span!("chat", gen_ai.operation.name = "chat", gen_ai.request.model = "deepseek-chat");
//!     call.in_scope(|| info!(prompt_tokens = 12, completion_tokens = 3, finish_reason = "stop", "done"));
//! });
//! assert_eq!(guard.shutdown(std::time::Duration::from_secs(5)).calls, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Some fields of the spans around a call are remembered as its context, such as `user_message` and
//! `gen_ai.conversation.id`; [`LlmLogLayerBuilder::context_field`] adds others. A call span around spans with the same
//! request is one call with several attempts; around different requests it is their context.
//!
//! # The middleware
//!
//! [`LlmLogMiddleware`] recognises inference requests by method, path and body, whatever the host, and lets everything
//! else pass untouched. Chunks of a stream reach the program as they arrive. Put it last, so that it sees what goes over
//! the wire; with a retry middleware also first, so that all tries are one call.
//!
//! # Calls without HTTP
//!
//! [`LlmCall`] is for a local model, an SDK of its own transport, or a client without middleware: it opens the span, takes
//! the request, and ends by [`LlmCall::finish`] or [`LlmCall::fail`]. Dropped before, the call counts as cancelled.
//!
//! # Flushing and shutting down
//!
//! The [`LlmLogGuard`] is to be kept until the program ends: dropped, it writes what waits, for at most five seconds, and
//! the recorder stops. `let (layer, _) = …` drops it at once. [`LlmLogGuard::flush`] waits until every call that is closed
//! by then is on disk, [`LlmLogGuard::shutdown`] ends the recorder and returns what it counted, [`LlmLogGuard::stats`]
//! what was written, degraded or lost so far. What happens when calls come faster than the disk takes them is
//! [`Overflow`]; what a written call survives is [`Durability`]; how much is kept is [`Retention`].
//!
//! # What is never recorded
//!
//! Request headers, and so no credential in them; user, password and query of a URL, but
//! for a few harmless parameters such as `api-version` and `alt`, also where an error quotes them; all
//! response headers but content type, request id, `Retry-After` and Bedrock's error type and token counts. Text in bodies
//! and fields that has exactly the shape of a secret is replaced by `[REDACTED]`; a [`Redactor`] adds rules. Base64 media
//! above [`LlmLogLayerBuilder::max_media_bytes`] is replaced by its type, size and hash. Folders are made with mode 0700,
//! files with 0600.
//!
//! # Health and alerts
//!
//! [`LlmLogGuard::health`] tells how the calls of the last hour did, by provider and model: success rate, latencies,
//! tokens, cost. With [`LlmLogLayerBuilder::alerts`] rules watch them, and somebody is told when one is broken and when
//! things are well again: by a function, a command, an event, a webhook.
//!
//! # Reading back
//!
//! [`read`] finds sessions and calls below a root and reads what is there, also while it is written and after a crash:
//!
//! ```no_run
//! use tracing_llmlogs::read::Root;
//!
//! for call in Root::open("llmlogs/apiCall")?.calls() {
//!     println!("{}", call?.dir().display());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`read::Call::conversation`] gives a call's messages, tools and choices whatever API they came from,
//! [`read::Root::query`] finds calls by a filter, and [`read::Root::watch`] waits for new ones. `cargo install llmlogs`
//! brings the same to the command line.
//!
//! # Features
//!
//! - `middleware` (default): [`LlmLogMiddleware`] and what it needs of `reqwest`. Without it the crate depends on no HTTP
//!   client.
//! - `decode` (default): bodies that the client left in a content coding (gzip, deflate, br, zstd) are decoded for the
//!   record, on the recorder's thread and up to [`LlmLogLayerBuilder::max_body_bytes`]. Without it they are recorded as bytes.
//! - `opentelemetry`: beside a layer of [`tracing-opentelemetry`](https://docs.rs/tracing-opentelemetry) 0.34, the exported spans
//!   of calls get what a `tracing` field cannot carry: finish reasons as an array, the message of a failure as status and
//!   `exception` event, the time to the first chunk, and on request the messages (`LlmLogLayerBuilder::export_messages`);
//!   calls are counted through OpenTelemetry's global meter; `metadata.json` has the ids of the exported span.
//! - `webhooks`: alerts go to Slack, Feishu, DingTalk, Discord or an endpoint of your own. Brings `reqwest` with `rustls`,
//!   and `hmac`.
//! - `pack`: `LlmLogLayerBuilder::pack_after` packs sessions that have ended into Parquet files, and [`read`] reads packed
//!   calls. Brings `parquet` and the C library `zstd`.
#![cfg_attr(
    not(feature = "middleware"),
    doc = "\n[`LlmLogMiddleware`]: https://docs.rs/tracing-llmlogs/latest/tracing_llmlogs/struct.LlmLogMiddleware.html"
)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

/// The README's examples are tested too.
#[cfg(all(doctest, feature = "middleware"))]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;

/// So are the guide's.
#[cfg(all(doctest, feature = "middleware"))]
#[doc = include_str!("../docs/guide.md")]
struct Guide;

mod alerts;
mod builder;
#[cfg(feature = "middleware")]
mod circuits;
#[cfg(feature = "opentelemetry")]
mod export;
mod health;
mod instrument;
mod layer;
#[cfg(feature = "middleware")]
mod middleware;
pub mod read;
mod recorder;
mod sink;
mod warn;

pub use alerts::{AlertStats, Alerts};
pub use builder::{LlmLogLayerBuilder, layer, layer_or_off};
#[cfg(feature = "middleware")]
pub use circuits::{Circuit, CircuitState};
pub use health::Health;
pub use instrument::{FallbackRun, LlmCall, LlmCallBuilder, run_with_fallbacks};
pub use layer::LlmLogLayer;
#[doc(inline)]
pub use llmlogs_core::alert::{Rule, RuleError};
#[doc(inline)]
pub use llmlogs_core::format::{Alert, AlertError, AlertEvent};
#[doc(inline)]
pub use llmlogs_core::health::{HealthSnapshot, Percentile, SeriesHealth, WindowStats};
#[doc(inline)]
pub use llmlogs_core::notify::{AlertCommand, ChannelStats, Notify, NotifyError, RateLimit};
#[cfg(feature = "webhooks")]
#[doc(inline)]
pub use llmlogs_core::notify::{Webhook, WebhookError, WebhookKind};
/// A price of a model's tokens, in any currency.
///
/// ```
/// use tracing_llmlogs::Price;
///
/// let price = Price::per_thousand(0.001, 0.002, "CNY");
/// assert_eq!(price, Price::per_million(1.0, 2.0, "CNY"));
/// ```
#[doc(inline)]
pub use llmlogs_core::price::Price;
/// The rules of what is taken out of bodies before they are recorded.
///
/// [`Redactor::new`] knows the shapes of API keys, bearer tokens, JSON web tokens and private keys in PEM
/// blocks, and replaces what has exactly such a shape, and nothing else, by `[REDACTED]`. Rules of your
/// own come on top. They hold for request and response bodies, for what the text files, the index and
/// `user_message` take from them, and for field values and error messages.
///
/// ```
/// use tracing_llmlogs::{LlmLogLayer, Redactor};
///
/// let builder = LlmLogLayer::builder().redact(
///     Redactor::new()
///         .pointer("/user")
///         .pointer("/messages/*/name")
///         .regex(r"\b\d{3}-\d{2}-\d{4}\b")?
///         .map_strings(|pointer, text| (pointer == "/metadata/email").then(|| text.replace('@', " at "))),
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(inline)]
pub use llmlogs_core::redact::Redactor;
#[doc(inline)]
pub use llmlogs_core::render::Language;
/// The limits of what is kept, by age and by size. What is beyond them is removed, the oldest calls first.
///
/// Given to [`LlmLogLayerBuilder::retention`](crate::LlmLogLayerBuilder::retention) it holds while the recorder runs.
/// Called by itself it tidies a root once, beside whoever is recording there:
///
/// ```no_run
/// use std::time::Duration;
/// use tracing_llmlogs::Retention;
///
/// let keep = Retention::new().max_age(Duration::from_secs(30 * 86_400)).max_bytes(2 << 30);
/// let pruned = keep.dry_run("llmlogs/apiCall")?;
/// println!("{} calls, {} bytes would go", pruned.calls.len(), pruned.bytes);
/// keep.prune("llmlogs/apiCall")?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// A call goes as a whole, with its folder. Calls in flight stay, however old they are. A session goes, with
/// its index and its media, when it has ended and has no call left. Links are not followed, and what is no
/// part of the format stays.
#[doc(inline)]
pub use llmlogs_core::store::Retention;
#[doc(inline)]
pub use llmlogs_core::store::{LossCounts, PruneReport, Stats, WriteErrors};
#[cfg(feature = "middleware")]
pub use middleware::{
    Breaker, CircuitOpenError, Circuits, DeadlineError, FailedAttempt, FailureKind, Fallback,
    LlmLogMiddleware, NoRetry, Retry, Verdict,
};
pub use recorder::{Durability, FlushError, LlmLogGuard, Overflow};
