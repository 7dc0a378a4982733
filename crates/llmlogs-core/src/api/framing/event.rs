//! One event of a stream.

use std::borrow::Cow;

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// Its `event:` line, or what stands for it in other framings; empty where there is none.
    pub name: Cow<'a, str>,
    /// What it carries, which is JSON in nearly every stream.
    pub data: Cow<'a, str>,
    /// Offset in bytes from the start of the body to the end of its last line.
    pub end: usize,
}

impl<'a> Event<'a> {
    /// Returns an event that has no name.
    #[inline]
    pub(super) fn unnamed(data: &'a str, end: usize) -> Self {
        Event { name: Cow::Borrowed(""), data: Cow::Borrowed(data), end }
    }

    /// Returns the event with texts of its own.
    pub(super) fn into_owned(self) -> Event<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Event { name: owned(self.name), data: owned(self.data), end: self.end }
    }
}
