//! What several dialects read or fold alike.

pub(crate) mod content;
pub(crate) mod cost;
pub(crate) mod delta;
pub(crate) mod media;
pub(crate) mod members;
pub(crate) mod usage;
