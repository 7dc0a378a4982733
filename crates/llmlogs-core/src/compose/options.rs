//! Options for the contents of a call's files.

use crate::price::Prices;
use crate::redact::Redactor;
use crate::render::Language;

/// Options for the contents of a call's files.
#[derive(Debug, Clone)]
pub struct ComposeOptions {
    /// Whether bodies are kept; without them a call is its `metadata.json` and its line in the index.
    pub bodies: bool,
    /// Whether `input.txt` and `output.txt` are written.
    pub text_files: bool,
    /// The language of the failure text.
    pub language: Language,
    /// The user's own prices.
    pub prices: Prices,
    /// The rules that are applied to every body.
    pub redact: Redactor,
    /// The maximum number of bytes kept of a body.
    pub max_body_bytes: usize,
    /// Base64 media of more bytes than this are elided.
    pub max_media_bytes: usize,
}

impl Default for ComposeOptions {
    fn default() -> Self {
        ComposeOptions {
            bodies: true,
            text_files: true,
            language: Language::default(),
            prices: Prices::default(),
            redact: Redactor::new(),
            max_body_bytes: 8 << 20,
            max_media_bytes: 32 << 10,
        }
    }
}
