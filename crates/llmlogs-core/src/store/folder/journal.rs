//! What was done to the file system, in order, and what of it a power failure would leave: for the tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

#[derive(Debug, Clone)]
pub enum Step {
    Created(PathBuf),
    Wrote(PathBuf),
    /// A file's contents, or a folder's entries.
    Synced(PathBuf),
    Renamed(PathBuf, PathBuf),
    /// The call in this folder was counted as written.
    Counted(PathBuf),
}

static STEPS: Mutex<Vec<Step>> = Mutex::new(Vec::new());

pub fn note(step: Step) {
    STEPS.lock().unwrap_or_else(PoisonError::into_inner).push(step);
}

/// The steps below `root`.
pub fn steps(root: &Path) -> Vec<Step> {
    let within = |step: &&Step| match step {
        Step::Created(path) | Step::Wrote(path) | Step::Counted(path) => path.starts_with(root),
        Step::Synced(path) => path.starts_with(root) || root.starts_with(path),
        Step::Renamed(_, path) => path.starts_with(root),
    };
    STEPS.lock().unwrap_or_else(PoisonError::into_inner).iter().filter(within).cloned().collect()
}

/// A disk that keeps what was synced and forgets everything else.
#[derive(Default)]
pub struct ForgetfulDisk {
    /// Entries that are there while the power lasts, and whether their contents would survive.
    there: BTreeMap<PathBuf, bool>,
    /// Entries that would survive.
    kept: BTreeSet<PathBuf>,
}

impl ForgetfulDisk {
    pub fn apply(&mut self, step: &Step) {
        match step {
            // Appending to a file that exists creates nothing.
            Step::Created(path) => drop(self.there.entry(path.clone()).or_insert(true)),
            Step::Wrote(path) => drop(self.there.insert(path.clone(), false)),
            Step::Renamed(from, to) => {
                let contents = self.there.remove(from).unwrap_or(false);
                self.there.insert(to.clone(), contents);
                self.kept.remove(to);
            }
            Step::Synced(path) => {
                if let Some(contents) = self.there.get_mut(path) {
                    *contents = true;
                }
                let entries = self.there.keys().filter(|entry| entry.parent() == Some(path)).cloned();
                self.kept.extend(entries);
            }
            Step::Counted(_) => {}
        }
    }

    /// What lies in `folder`, or is `folder` or above it, and would not survive.
    pub fn at_risk(&self, folder: &Path) -> Vec<&Path> {
        let concerned = |path: &Path| path.parent() == Some(folder) || folder.starts_with(path);
        let lost = |(path, contents): (&'_ PathBuf, &bool)| !*contents || !self.kept.contains(path);
        self.there
            .iter()
            .filter(|(path, contents)| concerned(path) && lost((path, contents)))
            .map(|(path, _)| path.as_path())
            .collect()
    }
}
