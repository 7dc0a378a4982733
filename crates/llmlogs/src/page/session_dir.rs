//! From the names in an address to a session.

use llmlogs_core::read::{Root, Session};

use super::answer::ApiError;

/// Returns the session if the names are those of a day and of a session of that day, as the root's folders list them:
/// links are none.
pub(crate) fn session(root: &Root, day: &str, session: &str) -> Result<Session, ApiError> {
    let day = root.days()?.find(|found| found.name() == day).ok_or(ApiError::NotFound)?;
    let is_meant = |found: &Session| found.dir().file_name().is_some_and(|name| name == session);
    let found = day.sessions()?.find(is_meant);
    found.ok_or(ApiError::NotFound)
}
