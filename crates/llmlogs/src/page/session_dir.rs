//! From the names in an address to a session.

use llmlogs_core::read::{Day, Root, Session};

use super::answer::ApiError;

/// Returns the session if the names are those of a day and of a session of that day, as the root's folders list them:
/// links are none.
pub(crate) fn session(root: &Root, day: &str, session: &str) -> Result<Session, ApiError> {
    let day = root.days()?.find(|found| found.name() == day).ok_or(ApiError::NotFound)?;
    in_day(&day, |found| has_name(found, session))?.ok_or(ApiError::NotFound)
}

/// Returns the session with this name or id on the newest day that has it.
pub(crate) fn newest(root: &Root, session: &str) -> Result<Option<Session>, ApiError> {
    for day in root.days()?.rev() {
        let found = in_day(&day, |found| has_name(found, session) || found.id() == session)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Returns the names of the days that have calls of the session with this id, oldest first.
pub(crate) fn days(root: &Root, id: &str) -> Result<Vec<String>, ApiError> {
    let mut days = Vec::new();
    for day in root.days()? {
        if in_day(&day, |found| found.id() == id)?.is_some() {
            days.push(day.name().to_owned());
        }
    }
    Ok(days)
}

fn has_name(session: &Session, name: &str) -> bool {
    session.dir().file_name().is_some_and(|found| found == name)
}

fn in_day(day: &Day, is_meant: impl Fn(&Session) -> bool) -> Result<Option<Session>, ApiError> {
    Ok(day.sessions()?.find(is_meant))
}
