//! What a call's span gets beside its `tracing` fields where OpenTelemetry exports it: attributes that a field cannot carry,
//! events, and the metrics of the call. No other layer sees any of it.
//!
//! Everything happens on the thread that ends the call, before its span closes. Where nothing is exported, that is one look
//! for an OpenTelemetry layer; messages are read only if they are asked for.

mod capture_switch;
mod content;
mod cut;
mod details;
mod export;
mod messages;
mod metrics;
mod request;
mod rules;

pub(super) use details::end;
pub(super) use export::Export;
