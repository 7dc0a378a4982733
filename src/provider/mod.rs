//! What each API puts where: which requests are calls, what their bodies say, how their streams fold
//! into one object, what their errors and prices are.
//!
//! One file an API, all of the shape of [`Dialect`]; CONTRIBUTING.md says how to add one. Nothing
//! here writes, and nothing fails: what is not understood is left alone.

mod anthropic;
mod aws_event_stream;
mod bedrock;
mod bedrock_invoke;
mod cohere;
mod decode;
mod detect;
mod dialect;
mod embeddings;
mod error;
mod failure;
mod form;
mod gemini;
mod gemini_interactions;
mod ollama;
mod openai_chat;
mod openai_responses;
mod price;
mod raw;
mod stream;
mod view;

pub(crate) use decode::{DecodedBody, decode, glance};
pub(crate) use detect::{Request, api_of, api_of_answer, recognise, speaks_for_itself, unrecognised};
pub(crate) use dialect::dialect;
pub(crate) use error::request_id;
pub(crate) use failure::{exchange_failure, reported_failure};
pub(crate) use form::form;
pub use price::Price;
pub(crate) use price::{Priced, Prices};
pub(crate) use view::{Choice, Part, RequestView, ResponseView, data_url, parameters, text_or_json};
