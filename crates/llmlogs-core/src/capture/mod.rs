//! The data that is captured of a call before it is written.
//!
//! Plain data: nothing here parses a provider's body or accesses a file.

#![warn(missing_docs)]

mod attempt;
mod body;
mod call;
mod chunk_timings;
mod endpoint;
mod exchange;
mod failure;
mod fields;
mod memory;
mod policy;
mod span_capture;
mod symbol;
mod time_anchor;

pub use attempt::{CapturedAttempt, Decision};
pub use body::Body;
pub use call::{CallGroup, CallKey, CallRecord, EnclosingSpan, SpanRecord, TraceIds};
pub use chunk_timings::ChunkTimings;
pub use endpoint::{Api, Endpoint};
pub use exchange::{CapturedRequest, CapturedResponse, Completion, ResponseHead};
pub use failure::{ErrorType, Failure};
pub use fields::{FieldValue, Fields, MAX_CONTEXT_TEXT, context_text};
pub use memory::MemoryReservation;
pub use policy::CapturePolicy;
pub use span_capture::SpanCapture;
pub use symbol::{Symbol, SymbolTable};
pub use time_anchor::TimeAnchor;
