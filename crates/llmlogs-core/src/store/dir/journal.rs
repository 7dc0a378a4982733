//! For tests: the file system operations in their order, and what a power failure would leave of their effects.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// An operation, with the paths it concerned.
#[derive(Debug, Clone)]
pub enum Step {
    /// A file or directory was created, or a file opened.
    Created(PathBuf),
    /// Something was written to a file.
    Wrote(PathBuf),
    /// A file's contents, or a directory's entries.
    Synced(PathBuf),
    /// An entry got another name.
    Renamed(PathBuf, PathBuf),
    /// The call in this directory was counted as written.
    Counted(PathBuf),
}

static STEPS: Mutex<Vec<Step>> = Mutex::new(Vec::new());

/// Notes that `step` was done.
pub fn note(step: Step) {
    STEPS.lock().unwrap_or_else(PoisonError::into_inner).push(step);
}

/// Returns the steps that concern `root`.
pub fn steps(root: &Path) -> Vec<Step> {
    let within = |step: &&Step| match step {
        Step::Created(path) | Step::Wrote(path) | Step::Counted(path) => path.starts_with(root),
        Step::Synced(path) => path.starts_with(root) || root.starts_with(path),
        Step::Renamed(_, path) => path.starts_with(root),
    };
    STEPS.lock().unwrap_or_else(PoisonError::into_inner).iter().filter(within).cloned().collect()
}

/// A disk that loses everything that was not synced.
#[derive(Default)]
pub struct ForgetfulDisk {
    /// All entries, and whether their contents would survive.
    entries: BTreeMap<PathBuf, bool>,
    /// Entries whose names would survive.
    synced: BTreeSet<PathBuf>,
}

impl ForgetfulDisk {
    /// Takes account of `step`.
    pub fn apply(&mut self, step: &Step) {
        match step {
            // Appending to a file that exists creates nothing.
            Step::Created(path) => drop(self.entries.entry(path.clone()).or_insert(true)),
            Step::Wrote(path) => drop(self.entries.insert(path.clone(), false)),
            Step::Renamed(from, to) => {
                let contents = self.entries.remove(from).unwrap_or(false);
                self.entries.insert(to.clone(), contents);
                self.synced.remove(to);
            }
            Step::Synced(path) => {
                if let Some(contents) = self.entries.get_mut(path) {
                    *contents = true;
                }
                let below = self.entries.keys().filter(|entry| entry.parent() == Some(path)).cloned();
                self.synced.extend(below);
            }
            Step::Counted(_) => {}
        }
    }

    /// Returns what is in `dir`, or is `dir` or above it, and would not survive.
    pub fn at_risk(&self, dir: &Path) -> Vec<&Path> {
        let concerned = |path: &Path| path.parent() == Some(dir) || dir.starts_with(path);
        let lost = |(path, contents): (&'_ PathBuf, &bool)| !*contents || !self.synced.contains(path);
        self.entries
            .iter()
            .filter(|(path, contents)| concerned(path) && lost((path, contents)))
            .map(|(path, _)| path.as_path())
            .collect()
    }
}
