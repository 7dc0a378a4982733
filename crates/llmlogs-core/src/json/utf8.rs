//! Bytes as text.

use std::borrow::Cow;

/// Returns what [`String::from_utf8_lossy`] returns, many times as fast where all of it is valid.
pub fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}
