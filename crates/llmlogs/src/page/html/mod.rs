//! Pages that are rendered here, and read well without scripts.

mod call;
mod compare;
mod frame;
mod header;
mod parts;
mod text;
mod trace;

pub(crate) use call::get as call;
pub(crate) use compare::get as compare;
pub(crate) use header::{Current, header};
pub(crate) use trace::{get as trace, of_session as trace_of_session};
