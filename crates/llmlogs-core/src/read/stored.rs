//! A call from the contents of its files, for who opened them in another way than by their paths.

use crate::format::{Metadata, lenient};
use crate::json;

use super::conversation::{Conversation, conversation};
use super::older;

impl Metadata {
    /// Returns what the contents of a `metadata.json` say, as [`Call::metadata`](super::Call::metadata) has it. `output`
    /// returns the contents of `output.json`, which an older logger's metadata may need.
    ///
    /// # Errors
    ///
    /// If `contents` is not a JSON object.
    pub fn from_stored(
        contents: &[u8],
        output: impl FnOnce() -> Option<Vec<u8>>,
    ) -> serde_json::Result<Metadata> {
        let mut metadata = lenient::metadata(contents)?;
        if older::wrote(&metadata) {
            older::complete(&mut metadata, contents, output);
        }
        Ok(metadata)
    }
}

impl Conversation {
    /// Returns the conversation in the contents of `input.json` and `output.json`, as
    /// [`Call::conversation`](super::Call::conversation) has it; `output` is empty if there is no such file.
    #[must_use]
    pub fn from_stored(metadata: &Metadata, input: &[u8], output: &[u8]) -> Self {
        conversation(metadata, &json::lossy(input), &json::lossy(output))
    }
}
