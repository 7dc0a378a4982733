//! Pages that are rendered here, and read well without scripts.

mod call;
mod compare;
mod frame;
mod header;
mod joined;
mod parts;
mod room;
mod text;
mod trace;

pub(crate) use call::{curl, file, get as call, medium};
pub(crate) use compare::get as compare;
pub(crate) use header::{Current, header};
pub(crate) use trace::{get as trace, of_session as trace_of_session};
