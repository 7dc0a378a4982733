//! The spans of calls, by OpenTelemetry's GenAI convention, with their bodies attached.
//!
//! Used by the middleware and by [`LlmCall`](crate::LlmCall). It reaches the layer through `tracing` only: whoever else
//! listens to the spans sees the same attributes.

mod attributes;
mod call;
mod call_span;
mod capture;
mod fallbacks;
mod group;
#[cfg(feature = "opentelemetry")]
mod otel;
#[cfg(feature = "middleware")]
mod reqwest_error;
mod response_buffer;
mod unseen;

pub use call::{LlmCall, LlmCallBuilder};
pub use fallbacks::{FallbackRun, run_with_fallbacks};
#[cfg(feature = "middleware")]
pub(crate) use {
    attributes::{open_plain, record_failure, record_status},
    call_span::CallSpan,
    capture::{attach_attempt, attach_group, attach_request, attach_response, policy},
    group::current_group,
    reqwest_error::{body_failure, request_failure},
    response_buffer::ResponseBuffer,
    unseen::{is_unseen, warn_unseen},
};
