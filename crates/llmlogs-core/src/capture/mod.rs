//! What is gathered of a call before it is written.
//!
//! Plain data: nothing here reads a provider's body or touches a file.

mod call;
mod endpoint;
mod exchange;
mod failure;
mod fields;
mod memory;
mod symbol;

pub use call::{CallKey, CallRecord, EnclosingSpan, SpanRecord, TimeAnchor};
pub use endpoint::{Api, Endpoint};
pub use exchange::{
    Body, CapturePolicy, CapturedRequest, CapturedResponse, ChunkTimings, Completion, ResponseHead,
    SpanCapture,
};
pub use failure::{ErrorType, Failure};
pub use fields::{FieldValue, Fields};
pub use memory::MemoryReservation;
pub use symbol::{Symbol, SymbolTable};
