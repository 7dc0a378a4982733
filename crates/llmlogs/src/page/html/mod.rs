//! Pages that are rendered here, and read well without scripts.

mod call;
mod frame;
mod joined;
mod parts;
mod room;
mod text;

pub(crate) use call::{curl, file, get as call, medium};
