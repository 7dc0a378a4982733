//! Which one call is meant: an id, the end of one, a folder, `~2`.

use std::path::Path;

use llmlogs_core::read::line::IndexLine;
use llmlogs_core::read::scan::{Gather, scan};
use llmlogs_core::read::{Call, Entry, Session};

use crate::env::Env;
use crate::outcome::{CliError, Outcome};

/// How many are listed where several could be meant.
const LISTED: usize = 8;

/// What an address led to.
pub(crate) enum Found {
    Call(Call),
    Nothing(Outcome),
}

/// The latest call, where there is one.
pub(crate) fn latest(env: &Env) -> Result<Option<Entry>, CliError> {
    nth(env, 1)
}

fn nth(env: &Env, place: usize) -> Result<Option<Entry>, CliError> {
    let mut broken = None;
    let mut left = place;
    for entry in env.root.newest() {
        match entry {
            Ok(entry) if left <= 1 => return Ok(Some(entry)),
            Ok(_) => left -= 1,
            Err(error) => broken = Some(error),
        }
    }
    // Only what could be read counts; when that is too little, say what could not.
    match broken {
        Some(error) => Err(CliError::Root(format!("cannot read {error}"))),
        None => Ok(None),
    }
}

/// The call that `selector` means; the latest where there is none.
pub(crate) fn resolve(env: &Env, address: Option<&str>) -> Result<Found, CliError> {
    let Some(address) = address.map(str::trim) else {
        return Ok(match latest(env)? {
            Some(entry) => Found::Call(entry.call().clone()),
            None => nothing(format!("no calls in {}", env.root.path().display())),
        });
    };
    if let Some(place) = address.strip_prefix('~') {
        let place = match place {
            "" => 1,
            digits => digits.parse().ok().filter(|place| *place > 0).ok_or_else(|| {
                CliError::Usage(format!("{address}: write ~1 for the latest call, ~2 for the one before it"))
            })?,
        };
        return Ok(match nth(env, place)? {
            Some(entry) => Found::Call(entry.call().clone()),
            None => nothing(format!("there are fewer than {place} calls in {}", env.root.path().display())),
        });
    }
    if address.is_empty() {
        return Err(CliError::Usage("CALL is empty: give an id, the end of one, a folder, or ~2".into()));
    }
    if let Some(call) = folder(env, address) {
        return Ok(Found::Call(call));
    }
    by_id(env, address)
}

/// A call's folder, or a file in it, as a path from here or from the root.
fn folder(env: &Env, address: &str) -> Option<Call> {
    let given = Path::new(address);
    [given.to_owned(), env.root.path().join(given)].into_iter().find_map(|path| {
        let folder = if path.is_file() { path.parent()?.to_owned() } else { path };
        let is_call =
            |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("call_"));
        // `.` inside of a call's folder has its name elsewhere.
        let folder = if is_call(&folder) {
            folder
        } else {
            folder.canonicalize().ok().filter(|path| is_call(path))?
        };
        Call::open(folder).ok()
    })
}

fn by_id(env: &Env, address: &str) -> Result<Found, CliError> {
    let id = address.trim_end_matches('/');
    let (session_tail, id) = match id.rsplit_once('/') {
        Some((session, id)) => (Some(session.strip_prefix("session_").unwrap_or(session)), id),
        None => (None, id),
    };
    let unreadable = |error: std::io::Error| CliError::Root(format!("cannot read {error}"));
    let mut sessions: Vec<Session> = Vec::new();
    for day in env.root.days().map_err(unreadable)? {
        sessions.extend(day.sessions().map_err(unreadable)?);
    }
    if let Some(tail) = session_tail {
        sessions.retain(|session| session.id().ends_with(tail));
    }
    // A whole id names its day, so nothing has to be listed.
    let whole = if id.starts_with("call_") { id.to_owned() } else { format!("call_{id}") };
    let day = whole.get(5..13).unwrap_or_default();
    let exact = sessions.iter().filter(|session| session.day() == day && !whole.contains(['/', '\\']));
    let exact: Vec<_> = exact.filter_map(|session| Call::open(session.dir().join(&whole)).ok()).collect();
    if !exact.is_empty() {
        return one_of(env, address, exact);
    }
    let found =
        scan(&sessions, || Ids { wanted: id.to_owned(), matches: Vec::new(), near: None, gone: None });
    let mut near: Option<(usize, String)> = None;
    let (mut matches, mut gone) = (Vec::new(), None);
    for ids in found {
        matches.extend(ids.matches);
        near = [near, ids.near].into_iter().flatten().min();
        gone = gone.or(ids.gone);
    }
    if !matches.is_empty() {
        return one_of(env, address, matches);
    }
    if let Some(dir) = gone {
        return Ok(nothing(format!(
            "{} has been removed\nllmlogs ls still has what the index says of it.",
            dir.display()
        )));
    }
    let hint = near.map_or_else(
        || "llmlogs ls lists calls with the ends of their ids.".to_owned(),
        |(_, id)| format!("Did you mean {id}?"),
    );
    Ok(nothing(format!("no call {address} in {}\n{hint}", env.root.path().display())))
}

fn one_of(env: &Env, address: &str, mut calls: Vec<Call>) -> Result<Found, CliError> {
    calls.sort_by(|a, b| b.dir().cmp(a.dir()));
    calls.dedup_by(|a, b| a.dir() == b.dir());
    if calls.len() == 1 {
        return Ok(Found::Call(calls.remove(0)));
    }
    let mut message = format!("{address} could be any of {} calls:", calls.len());
    for call in calls.iter().take(LISTED) {
        let path = call.dir().strip_prefix(env.root.path()).unwrap_or(call.dir());
        message.push_str(&format!("\n{}", path.display()));
    }
    if calls.len() > LISTED {
        message.push_str("\n…");
    }
    message.push_str("\nGive more of the id, or one of these folders.");
    Err(CliError::Usage(message))
}

fn nothing(message: String) -> Found {
    Found::Nothing(Outcome::nothing(message))
}

/// Looks for ids that end as wanted, and for the nearest one otherwise.
struct Ids {
    wanted: String,
    matches: Vec<Call>,
    near: Option<(usize, String)>,
    /// A call that an index has, and whose folder has been removed.
    gone: Option<std::path::PathBuf>,
}

impl Ids {
    fn see(&mut self, id: &str, dir: std::path::PathBuf) {
        let number = id.rsplit('_').next().unwrap_or_default();
        let ends = id
            .strip_suffix(self.wanted.as_str())
            .is_some_and(|before| before.is_empty() || before.ends_with('_'));
        let same_number = !self.wanted.starts_with('0')
            && !number.is_empty()
            && number.trim_start_matches('0') == self.wanted
            && number.bytes().all(|byte| byte.is_ascii_digit());
        if ends || same_number {
            match Call::open(&dir) {
                Ok(call) => self.matches.push(call),
                Err(_gone) => self.gone = Some(dir),
            }
            return;
        }
        // Only ids of like length can be a slip of the finger.
        let bare = self.wanted.strip_prefix("call_").unwrap_or(&self.wanted);
        let other = id.strip_prefix("call_").unwrap_or(id);
        let from = other.len().saturating_sub(bare.len());
        let limit = self.near.as_ref().map_or(3, |(distance, _)| *distance);
        if bare.len() >= 6
            && let Some(end) = other.get(from..)
            && let Some(distance) = distance(bare.as_bytes(), end.as_bytes(), limit)
        {
            self.near = Some((distance, id.to_owned()));
        }
    }
}

impl Gather for Ids {
    fn finished(&mut self, session: &Session, line: &IndexLine<'_>) {
        let id = line.call_id.text();
        if !id.contains(['/', '\\']) {
            self.see(&id, session.dir().join(&*id));
        }
    }

    fn folder(&mut self, call: &Call) -> bool {
        self.see(call.id(), call.dir().to_owned());
        true
    }

    fn unfinished(&mut self, _entry: &Entry) {}

    fn failed(&mut self, _error: std::io::Error) {}
}

/// How many letters are to be changed, added or removed, where it is less than `limit`.
fn distance(a: &[u8], b: &[u8], limit: usize) -> Option<usize> {
    let common = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[common..], &b[common..]);
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
        if row.iter().min().is_some_and(|least| *least >= limit) {
            return None;
        }
    }
    row.last().copied().filter(|distance| *distance < limit)
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn slips_of_the_finger_are_near() {
        assert_eq!(distance(b"040210_001", b"040210_001", 3), Some(0));
        assert_eq!(distance(b"040210_01", b"040210_001", 3), Some(1));
        assert_eq!(distance(b"040201_001", b"040210_001", 3), Some(2));
        assert_eq!(distance(b"999999", b"040210", 3), None);
    }
}
