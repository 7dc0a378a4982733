//! The emitting side: spans of calls by OpenTelemetry's GenAI convention, and their bodies left
//! beside them.
//!
//! Used by the middleware and by [`LlmCall`](crate::LlmCall). It speaks to the layer through
//! `tracing` only: whoever listens to the spans sees the same.

mod attributes;
mod call;
mod capture;
mod notice;
#[cfg(feature = "middleware")]
mod reqwest_error;

pub use call::{LlmCall, LlmCallBuilder};
#[cfg(feature = "middleware")]
pub(crate) use {
    attributes::{open, record_end, record_failure, record_status},
    capture::{attach_request, attach_response, policy},
    notice::{is_unseen, notice_unseen},
    reqwest_error::{body_failure, request_failure},
};
