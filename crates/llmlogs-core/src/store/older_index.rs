//! The index of the older logger: `index.json` in the root, a list of all its calls, which it reads and writes anew with
//! each call.
//!
//! While that logger runs, an entry that was removed here comes back if the logger had read the list before; the next
//! time removes it. Its own entries are not lost: a list that changes meanwhile is read again.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::thread;
use std::time::Duration;

use crate::format::call_id::is_call;
use crate::format::day::is_day;
use crate::format::layout::{OLDER_INDEX_FILE, temporary_name};
use crate::format::session_name::is_session;
use crate::json::{self, Json};

use super::dir::Dir;

/// How often the list is read while it is half written or changes, and how long to wait in between.
const TRIES: usize = 5;
const PAUSE: Duration = Duration::from_millis(40);

/// Returns how many entries of the root's index belong to calls that are gone; 0 without an index.
///
/// # Errors
///
/// If there is an index that cannot be read, or that is no list of calls.
pub fn count_gone(root: &Dir) -> io::Result<u64> {
    settled(|| {
        let Some((text, _, _)) = read(root)? else { return Ok(0) };
        Ok(without_gone(root, &text)?.1)
    })
}

/// Removes the entries of calls that are gone from the root's index, which is replaced as a whole; returns how many
/// there were.
///
/// # Errors
///
/// As [`count_gone`], or if the index cannot be written. It is as it was then.
pub fn remove_gone(root: &Dir) -> io::Result<u64> {
    settled(|| {
        let Some((text, file, before)) = read(root)? else { return Ok(0) };
        let (list, gone) = without_gone(root, &text)?;
        if gone == 0 {
            return Ok(0);
        }
        let mut contents = Vec::with_capacity(text.len());
        json::pretty(&list, &mut contents);
        let temporary = temporary_name(OLDER_INDEX_FILE);
        let written = root.write(&temporary, &contents, false)?;
        let replaced = keep_owner(&written, &before).and_then(|()| {
            if is_changed(&file, &before)? || !is_same(root, &before)? {
                return Err(io::ErrorKind::Interrupted.into());
            }
            root.rename(&temporary, OLDER_INDEX_FILE)
        });
        if replaced.is_err() {
            // The error is the one to report.
            let _leftover = root.remove_file(&temporary);
        }
        replaced.map(|()| gone)
    })
}

/// Tries several times: the logger writes the list in place, and a reader may see half of it.
fn settled(attempt: impl Fn() -> io::Result<u64>) -> io::Result<u64> {
    for _ in 1..TRIES {
        match attempt() {
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::InvalidData) => {
                thread::sleep(PAUSE);
            }
            done => return done,
        }
    }
    attempt().map_err(|error| match error.kind() {
        io::ErrorKind::Interrupted => {
            io::Error::new(io::ErrorKind::ResourceBusy, "it is written all the time")
        }
        _ => error,
    })
}

/// Returns the list's text, the open file and what was known of it before it was read; `None` if there is none.
fn read(root: &Dir) -> io::Result<Option<(String, File, Metadata)>> {
    let mut file = match root.read_file(OLDER_INDEX_FILE) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let before = file.metadata()?;
    if !before.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a plain file"));
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(Some((text, file, before)))
}

/// Parses the list; returns it without the entries of calls that are gone, and how many those were.
fn without_gone<'t>(root: &Dir, text: &'t str) -> io::Result<(Json<'t>, u64)> {
    let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let mut list = json::parse(text).map_err(|error| invalid(error.to_string()))?;
    let members = list.as_object_mut().ok_or_else(|| invalid("not a JSON object".to_owned()))?;
    let Some(Json::Array(calls)) = members.get_mut("calls") else {
        return Err(invalid("it has no list of calls".to_owned()));
    };
    let before = calls.len();
    let mut sessions = HashMap::new();
    calls.retain(|call| !is_gone(root, &mut sessions, &call.get("directory").scalar()));
    let left = calls.len();
    members.set("total_count", Json::number(left));
    Ok((list, (before - left) as u64))
}

/// Returns whether a call's directory is gone. One that is not below the root as the logger makes it is not known to be.
fn is_gone(root: &Dir, sessions: &mut HashMap<String, Option<Dir>>, directory: &str) -> bool {
    // On Windows it writes the separators of Windows.
    let parts: Vec<&str> = directory.split(['/', '\\']).collect();
    let [day, session, call] = parts[..] else { return false };
    if !is_day(day) || !is_session(session) || !is_call(call) {
        return false;
    }
    let key = format!("{day}/{session}");
    let opened = match sessions.get(&key) {
        Some(opened) => opened,
        None => match root.open_dir(day).and_then(|day| day.open_dir(session)) {
            Ok(dir) => sessions.entry(key).or_insert(Some(dir)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => sessions.entry(key).or_insert(None),
            Err(_cannot_tell) => return false,
        },
    };
    opened.as_ref().is_none_or(|dir| !dir.exists(call))
}

/// Returns whether the open file has changed since.
fn is_changed(file: &File, before: &Metadata) -> io::Result<bool> {
    let now = file.metadata()?;
    Ok(now.len() != before.len() || now.modified()? != before.modified()?)
}

/// Returns whether the index is still the file that was read.
#[cfg(unix)]
fn is_same(root: &Dir, before: &Metadata) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let now = root.read_file(OLDER_INDEX_FILE)?.metadata()?;
    Ok((now.dev(), now.ino()) == (before.dev(), before.ino()))
}

#[cfg(not(unix))]
fn is_same(_root: &Dir, _before: &Metadata) -> io::Result<bool> {
    Ok(true)
}

/// Gives the new list the owner and the permissions of the old one, so that the logger can go on with it.
#[cfg(unix)]
fn keep_owner(file: &File, before: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let now = file.metadata()?;
    if (now.uid(), now.gid()) != (before.uid(), before.gid()) {
        fchown(file, Some(before.uid()), Some(before.gid()))?;
    }
    file.set_permissions(before.permissions())
}

#[cfg(not(unix))]
fn keep_owner(_file: &File, _before: &Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    const INDEX: &str = r#"{
  "calls": [
    {
      "call_id": "call_20251027_040210_001",
      "timestamp": 1761537730.50,
      "user_message": "你好",
      "directory": "20251027/session_20251027_040210/call_20251027_040210_001"
    },
    {
      "call_id": "call_20251027_040211_002",
      "cost": 1e-05,
      "directory": "20251027\\session_20251027_040210\\call_20251027_040211_002"
    },
    {
      "call_id": "elsewhere",
      "directory": "../elsewhere/call_1"
    }
  ],
  "total_count": 3
}"#;

    fn root(index: &str) -> (tempfile::TempDir, Dir) {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(OLDER_INDEX_FILE), index).unwrap();
        let dir = Dir::open_path(root.path()).unwrap();
        (root, dir)
    }

    fn call(root: &Path, name: &str) {
        fs::create_dir_all(root.join("20251027/session_20251027_040210").join(name)).unwrap();
    }

    fn index(root: &Path) -> String {
        fs::read_to_string(root.join(OLDER_INDEX_FILE)).unwrap()
    }

    #[test]
    fn entries_of_calls_that_are_gone_go_and_the_others_stay_as_they_are() {
        let (root, dir) = root(INDEX);
        call(root.path(), "call_20251027_040210_001");
        call(root.path(), "call_20251027_040211_002");
        assert_eq!((count_gone(&dir).unwrap(), remove_gone(&dir).unwrap()), (0, 0));
        assert_eq!(index(root.path()), INDEX);
        fs::remove_dir(root.path().join("20251027/session_20251027_040210/call_20251027_040211_002"))
            .unwrap();
        assert_eq!((count_gone(&dir).unwrap(), remove_gone(&dir).unwrap()), (1, 1));
        let start = INDEX.find("    {\n      \"call_id\": \"call_20251027_040211_002\"").unwrap();
        let end = INDEX.find("    {\n      \"call_id\": \"elsewhere\"").unwrap();
        let expected = format!("{}{}", &INDEX[..start], &INDEX[end..]).replace(": 3", ": 2");
        assert_eq!(index(root.path()), expected);
        fs::remove_dir_all(root.path().join("20251027")).unwrap();
        assert_eq!(remove_gone(&dir).unwrap(), 1);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[cfg(unix)]
    #[test]
    fn the_logger_can_read_and_write_the_list_as_before() {
        use std::os::unix::fs::PermissionsExt;
        let (root, dir) = root(INDEX);
        let path = root.path().join(OLDER_INDEX_FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
        assert_eq!(remove_gone(&dir).unwrap(), 2);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o664);
    }

    #[test]
    fn a_list_that_is_half_written_is_left_as_it_is() {
        for half in ["", &INDEX[..90], "[]", "{}"] {
            let (root, dir) = root(half);
            assert_eq!(remove_gone(&dir).unwrap_err().kind(), io::ErrorKind::InvalidData, "{half}");
            assert_eq!(index(root.path()), half);
        }
        let none = tempfile::tempdir().unwrap();
        assert_eq!(remove_gone(&Dir::open_path(none.path()).unwrap()).unwrap(), 0);
    }
}
