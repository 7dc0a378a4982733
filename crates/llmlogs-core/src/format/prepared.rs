//! Files that name their call and are serialised before the call's id is known.

use serde::Serialize;

/// The contents of `metadata.json` or a line of the index without the call's id.
///
/// The id is the name of a directory that is only created when the call is written. Everything else can be serialised
/// earlier, by another thread.
#[derive(Debug)]
pub struct PreparedFile {
    contents: Vec<u8>,
    /// Where the id belongs.
    id_at: usize,
}

impl PreparedFile {
    /// Serialises `value`, whose field `call_id` is empty and comes before every field with text of the user's.
    pub(super) fn pretty(value: &impl Serialize) -> serde_json::Result<Self> {
        let mut contents = serde_json::to_vec_pretty(value)?;
        contents.push(b'\n');
        Ok(PreparedFile::new(contents, b"\"call_id\": \""))
    }

    /// As [`pretty`](Self::pretty), in one line without a newline.
    pub(super) fn compact(value: &impl Serialize) -> serde_json::Result<Self> {
        Ok(PreparedFile::new(serde_json::to_vec(value)?, b"\"call_id\":\""))
    }

    fn new(contents: Vec<u8>, key: &[u8]) -> Self {
        let id_at = memchr::memmem::find(&contents, key).map_or(0, |found| found + key.len());
        PreparedFile { contents, id_at }
    }

    /// Returns the contents with the id of the call, which needs no escapes.
    #[must_use]
    pub fn with_call_id(&self, call_id: &str) -> Vec<u8> {
        let (before, after) = self.contents.split_at(self.id_at);
        [before, call_id.as_bytes(), after].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{IndexEntry, Metadata};

    #[test]
    fn a_prepared_file_is_the_one_that_is_serialised_with_the_id() {
        let mut metadata = Metadata { session_id: "\"call_id\": \"".to_owned(), ..Metadata::default() };
        let file = PreparedFile::pretty(&metadata).unwrap();
        let line = PreparedFile::compact(&IndexEntry::from(&metadata)).unwrap();
        metadata.call_id = "call_20251027_040210_001".to_owned();
        assert_eq!(file.with_call_id(&metadata.call_id), metadata.to_file().unwrap());
        assert_eq!(line.with_call_id(&metadata.call_id), IndexEntry::from(&metadata).to_line().unwrap());
    }
}
