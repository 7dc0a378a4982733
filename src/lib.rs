#![cfg_attr(feature = "middleware", doc = include_str!("../README.md"))]
#![cfg_attr(not(feature = "middleware"), doc = "A call recorder for LLM API calls.")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod builder;
mod instrument;
mod layer;
#[cfg(feature = "middleware")]
mod middleware;
mod recorder;
mod sink;
mod warn;

#[doc(inline)]
pub use llmlogs_core::read;

pub use builder::{LlmLogLayerBuilder, layer};
pub use instrument::{LlmCall, LlmCallBuilder};
pub use layer::LlmLogLayer;
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
/// What is taken out of bodies before they are recorded.
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
/// How much is kept, by age and by size; what is beyond goes, the oldest calls first.
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
pub use middleware::LlmLogMiddleware;
pub use recorder::{Durability, FlushError, LlmLogGuard, Overflow};
