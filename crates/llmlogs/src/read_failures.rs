//! What could not be read on the way: reported once, never in the way of the rest.

use llmlogs_core::read::Error;

use crate::outcome::{CliError, Outcome, describe};
use crate::output::out::complain;

/// The first failure, and how many there were.
#[derive(Debug, Default)]
pub(crate) struct ReadFailures {
    first: Option<String>,
    count: usize,
}

impl ReadFailures {
    /// Returns what could be read; counts what could not.
    pub(crate) fn keep<T>(&mut self, found: Result<T, Error>) -> Option<T> {
        found.map_err(|error| self.add(&error)).ok()
    }

    pub(crate) fn add(&mut self, error: &Error) {
        self.count += 1;
        self.first.get_or_insert_with(|| describe(error));
    }

    pub(crate) fn add_all(&mut self, errors: &[Error]) {
        errors.iter().for_each(|error| self.add(error));
    }

    fn message(&self) -> Option<String> {
        let first = self.first.as_ref()?;
        let others = match self.count {
            1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        Some(format!("cannot read {first}{others}\nllmlogs doctor tells more."))
    }

    /// Returns how a command ends that showed `found` things; `nothing` is what it says if there are none.
    pub(crate) fn outcome(self, found: usize, nothing: impl FnOnce() -> String) -> Result<Outcome, CliError> {
        match (self.message(), found) {
            (Some(message), 0) => Err(CliError::Root(message)),
            (Some(message), _) => {
                complain(&message);
                Ok(Outcome::Found)
            }
            (None, 0) => Ok(Outcome::nothing(nothing())),
            (None, _) => Ok(Outcome::Found),
        }
    }
}
