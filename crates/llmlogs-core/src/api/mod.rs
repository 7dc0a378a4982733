//! The APIs: which requests are calls, how their bodies are read, how their streams fold into one object, what their
//! errors are.
//!
//! [`mod@detect`] determines by the address which API a request belongs to, `framing` cuts a stream into events,
//! [`decode`](mod@decode) folds them, [`interpret()`] reads the result. One file an API in `dialects/`, each an
//! implementation of [`Dialect`](dialect::Dialect); CONTRIBUTING.md describes how to add one. Nothing here writes, and
//! nothing fails: what is not understood is left alone.

pub mod beginning;
mod content_encoding;
pub mod decode;
pub mod detect;
pub mod dialect;
pub mod dialects;
pub mod ending;
pub mod error;
mod error_status;
pub mod failure;
pub mod form;
pub mod framing;
pub mod interpret;
mod invalid_response;
pub mod parameters;
pub mod registry;
pub mod shared;
pub mod view;

pub use beginning::{Beginning, beginning, failure_in_body};
pub use content_encoding::is_encoded;
pub use decode::{DecodedBody, decode};
pub use detect::{
    HostKind, Request, api_of, body_confirms_llm, detect_endpoint, detect_endpoint_of, unrecognised,
};
pub use ending::{Ending, StreamEnds};
pub use failure::{failure_with_status, has_failed, reported_failure};
pub use form::form;
pub use interpret::{Depth, Interpretation, interpret};
pub use parameters::{PARAMETERS, other_parameters, parameters};
pub use registry::dialect;
pub use shared::media::data_url;
pub use shared::members::text_or_json;
pub(crate) use shared::usage::usage;
pub use view::{Choice, Message, Part, RequestView, ResponseView, Tool};
