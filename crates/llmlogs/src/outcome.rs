//! How a command can end.

use std::io;

use llmlogs_core::read::Error;

/// A command that ran.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Status 0.
    Found,
    /// Status 1, with what to say about it on standard error.
    Nothing(Option<String>),
    /// That of a program that was run.
    #[cfg(feature = "proxy")]
    Status(u8),
}

impl Outcome {
    pub(crate) fn nothing(message: impl Into<String>) -> Self {
        Outcome::Nothing(Some(message.into()))
    }
}

/// A command that could not run, or not to its end.
#[derive(Debug)]
pub(crate) enum CliError {
    /// Status 2: it was called in the wrong way.
    Usage(String),
    /// Status 3: the root, or something in it, cannot be read.
    Root(String),
    /// Status 3: something else went wrong.
    Failed(String),
    /// Whoever reads the output has read enough.
    ClosedPipe,
    /// The user pressed Ctrl-C, or a signal asked the program to end.
    Interrupted,
}

impl CliError {
    /// Returns the error of a failed write to standard output.
    pub(crate) fn writing(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => CliError::ClosedPipe,
            _ => CliError::Failed(format!("cannot write the output: {error}")),
        }
    }

    /// Returns the error of a failed read below the root.
    pub(crate) fn reading(error: &Error) -> Self {
        CliError::Root(format!("cannot read {}", describe(error)))
    }
}

/// Errors of the operating system come from the output; those of the root are [`Error`]s.
impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        CliError::writing(&error)
    }
}

impl From<Error> for CliError {
    fn from(error: Error) -> Self {
        CliError::reading(&error)
    }
}

/// Returns the path and what is wrong with it; what to do about it is for each command to say.
pub(crate) fn describe(error: &Error) -> String {
    format!("{}: {}", error.path().display(), error.cause())
}
