//! How text gets onto a terminal, into a pipe, or into a table.

pub(crate) mod format;
pub(crate) mod out;
pub(crate) mod progress;
pub(crate) mod row;
pub(crate) mod table;
pub(crate) mod text;
