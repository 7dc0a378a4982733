//! The emitting side: spans of calls by OpenTelemetry's GenAI convention, and their bodies left
//! beside them.
//!
//! Used by the middleware and by [`LlmCall`](crate::LlmCall). It speaks to the layer through
//! `tracing` only: whoever listens to the spans sees the same.

mod attributes;
mod call;
mod handover;
mod notice;
mod scrub;

pub(crate) use attributes::{open, record_end};
pub use call::{LlmCall, LlmCallBuilder};
pub(crate) use handover::{leave_outcome, leave_request, wanted};
pub(crate) use notice::notice_unseen;
pub(crate) use scrub::{chain, scrub};
