//! Pages that are rendered here, and read well without scripts.

mod call;
mod compare;
mod frame;
mod header;
mod parts;
mod text;

pub(crate) use call::get as call;
pub(crate) use compare::get as compare;
pub(crate) use header::{Current, header};
