//! How a command can end.

use std::io;

/// A command that ran.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Status 0.
    Found,
    /// Status 1, with what to say about it on standard error.
    Nothing(Option<String>),
}

impl Outcome {
    pub(crate) fn nothing(message: impl Into<String>) -> Self {
        Outcome::Nothing(Some(message.into()))
    }
}

/// A command that could not run, or not to its end.
#[derive(Debug)]
pub(crate) enum CliError {
    /// Status 2: it was not asked for in the right way.
    Usage(String),
    /// Status 3: the root, or something in it, cannot be read.
    Root(String),
    /// Status 3: something else went wrong.
    Failed(String),
    /// Whoever reads the output has read enough.
    ClosedPipe,
    /// The user pressed Ctrl-C.
    Interrupted,
}

impl CliError {
    /// A failed write to standard output.
    pub(crate) fn writing(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => CliError::ClosedPipe,
            _ => CliError::Failed(format!("cannot write the output: {error}")),
        }
    }
}

/// Errors without a path come from the output; those of the root name what they are about.
impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        CliError::writing(&error)
    }
}
