//! What a recorded call needs to be made again: where it went, its body, and both as a command.

pub(crate) mod curl;
pub(crate) mod stored;
pub(crate) mod url;
