//! Pages that are rendered here, and read well without scripts.

mod call;
mod compare;
mod frame;
mod header;
mod joined;
mod parts;
mod room;
mod text;

pub(crate) use call::{curl, file, get as call, medium};
pub(crate) use compare::get as compare;
pub(crate) use header::{Current, header};
