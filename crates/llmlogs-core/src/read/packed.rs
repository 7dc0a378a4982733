//! A call's files, wherever they are: in its folder, or in its session's packed calls. A folder comes first.

use std::path::Path;
use std::sync::Arc;

use crate::archive::PackedCalls;
use crate::format::call_id::is_call;
use crate::format::layout::BODIES_PACK_FILE;

use super::error::{Error, ErrorKind, Result};
use super::files;

/// Opens the packed calls of the session in the folder `session`, if it has any.
pub(crate) fn of_session(session: &Path) -> Result<Option<Arc<PackedCalls>>> {
    PackedCalls::of(session).map_err(|error| failed(session, error))
}

/// Returns whether the call whose folder would be `dir` is packed. Only a call without a folder is asked for.
pub(crate) fn contains(dir: &Path) -> Result<bool> {
    let Some(session) = dir.parent() else { return Ok(false) };
    Ok(of_session(session)?.is_some_and(|packed| packed.contains(files::name(dir))))
}

/// Reads the file `name` of the call whose folder is `dir`, or would be.
pub(crate) fn file(dir: &Path, name: &str) -> Result<Vec<u8>> {
    let mut contents = Vec::new();
    read_into(dir, name, &mut contents)?;
    Ok(contents)
}

/// As [`file`], to the end of `buffer`.
pub(crate) fn read_into(dir: &Path, name: &str, buffer: &mut Vec<u8>) -> Result<()> {
    let path = dir.join(name);
    let missing = match files::read_into(&path, buffer) {
        Err(error) if error.kind() == ErrorKind::NotFound && !files::is_folder(dir) => error,
        read => return read,
    };
    let Some(session) = dir.parent() else { return Err(missing) };
    let Some(packed) = of_session(session)? else {
        // It may have been unpacked in between.
        return files::read_into(&path, buffer);
    };
    match packed.file(files::name(dir), name).map_err(|error| failed(session, error))? {
        Some(contents) => buffer.extend(contents),
        None => return Err(missing),
    }
    Ok(())
}

/// Returns the names of the session's calls for which `is_wanted` returns `true`, sorted: those of folders and packed
/// ones.
pub(crate) fn call_names(session: &Path, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<String>> {
    let mut names = files::folders(session, |name| is_call(name) && is_wanted(name))?;
    if let Some(packed) = of_session(session)? {
        names.extend(packed.ids().filter(|id| is_wanted(id)).map(str::to_owned));
        names.sort_unstable();
        names.dedup();
    }
    Ok(names)
}

fn failed(session: &Path, error: std::io::Error) -> Error {
    let path = session.join(BODIES_PACK_FILE);
    match error.kind() {
        std::io::ErrorKind::Unsupported => Error::new(ErrorKind::Packed, &path, error),
        std::io::ErrorKind::InvalidData => Error::new(ErrorKind::Malformed, &path, error),
        _ => Error::io(&path, error),
    }
}

#[cfg(all(test, not(feature = "pack")))]
mod tests {
    use crate::read::{Call, ErrorKind, Root};

    #[test]
    fn a_packed_session_is_an_error_that_names_the_file_and_the_feature() {
        let root = tempfile::tempdir().unwrap();
        let session = root.path().join("20251027/session_20251027_040000");
        std::fs::create_dir_all(&session).unwrap();
        std::fs::write(session.join("bodies.parquet"), "PAR1").unwrap();
        let id = "call_20251027_040000_001";
        std::fs::write(session.join("index.jsonl"), format!("{{\"call_id\":\"{id}\"}}\n")).unwrap();
        let error = Call::open(session.join(id)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Packed);
        let text = error.to_string();
        assert!(text.contains("bodies.parquet") && text.contains("`pack`"), "{text}");
        // What the index says is listed all the same.
        let entries: Vec<_> = Root::open(root.path()).unwrap().newest().collect();
        let listed: Vec<_> = entries.iter().flatten().map(|entry| entry.call().id()).collect();
        assert_eq!(listed, [id]);
        let entry = entries.iter().flatten().next().unwrap();
        assert_eq!(entry.call().input().unwrap_err().kind(), ErrorKind::Packed);
    }
}
