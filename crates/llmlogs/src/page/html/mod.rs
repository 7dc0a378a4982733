//! Pages that are rendered here, and read well without scripts.

mod call;
mod frame;
mod header;
mod parts;
mod text;

pub(crate) use call::get as call;
pub(crate) use header::{Current, header};
