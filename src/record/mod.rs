//! What a call is: what the layer gathers of it, and what `metadata.json` says of it.
//!
//! Plain data and its serde model. Nothing here reads a provider's body or touches a file.

mod api;
mod call;
mod error_type;
mod exchange;
mod fields;
mod held;
mod metadata;
mod name;
mod notice;
mod sink;

pub(crate) use api::{Api, Endpoint};
pub(crate) use call::{CallKey, CallRecord, Leg, Moment};
pub(crate) use error_type::{ErrorType, Failure};
pub(crate) use exchange::{Arrivals, Body, End, Exchange, Outcome, ResponseHead, SentRequest, Wanted};
pub(crate) use fields::{FieldValue, Fields};
pub(crate) use held::Held;
pub(crate) use metadata::SCHEMA_VERSION;
pub use metadata::{
    ApiInfo, Attempt, Context, CostEstimate, Files, IndexEntry, Metadata, Performance, RequestInfo,
    ResponseInfo, Status, Truncated, Usage,
};
pub(crate) use name::{Name, Texts};
pub(crate) use notice::{Notice, say};
pub(crate) use sink::{Counted, Off, Recorders, Sink};
