//! Folders that are listed again when they have changed.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::error::Result;
use super::files;

/// Changes of a folder within this time of each other may leave it with the same modification time.
pub(super) const CLOCK_TICK: Duration = Duration::from_secs(2);

/// The folders in a folder, listed again when it has changed.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) names: Vec<String>,
    modified: Option<SystemTime>,
    listed_at: Option<SystemTime>,
}

impl Listing {
    /// Returns whether the folder was listed.
    pub(crate) fn refresh(&mut self, dir: &Path, wanted: impl Fn(&str) -> bool) -> Result<bool> {
        let modified = modified(dir);
        let now = SystemTime::now();
        if self.listed_at.is_some()
            && modified == self.modified
            && !may_have_changed(modified, self.listed_at, now)
        {
            return Ok(false);
        }
        self.names = files::folders(dir, wanted)?;
        (self.modified, self.listed_at) = (modified, Some(now));
        Ok(true)
    }
}

/// Returns whether a folder may have changed after it was listed without a new modification time, and whether enough
/// time has passed that listing it once more settles that.
pub(crate) fn may_have_changed(
    modified: Option<SystemTime>,
    listed_at: Option<SystemTime>,
    now: SystemTime,
) -> bool {
    let (Some(modified), Some(listed_at)) = (modified, listed_at) else { return false };
    modified.checked_add(CLOCK_TICK).is_some_and(|settled| listed_at < settled && now >= settled)
}

/// Returns whether a folder that was modified then may change again with the same modification time.
pub(crate) fn is_recent(modified: Option<SystemTime>, now: SystemTime) -> bool {
    modified.is_some_and(|modified| modified.checked_add(CLOCK_TICK).is_none_or(|settled| now < settled))
}

pub(crate) fn modified(dir: &Path) -> Option<SystemTime> {
    fs::symlink_metadata(dir).and_then(|found| found.modified()).ok()
}
