//! A JSON array whose elements come one by one.

use super::event::Event;

/// The elements of a JSON array, unchanged; a last one may be cut off.
/// The closing bracket becomes `[DONE]`, the end mark of other framings.
pub(super) struct Elements<'a> {
    body: &'a str,
    at: usize,
}

impl<'a> Elements<'a> {
    /// Returns the elements of `body`, which has nothing of interest before its first `[`.
    pub(super) fn new(body: &'a str) -> Self {
        let at = body.find('[').map_or(body.len(), |bracket| bracket + 1);
        Elements { body, at }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        let bytes = self.body.as_bytes();
        while bytes.get(self.at).is_some_and(|byte| *byte == b',' || byte.is_ascii_whitespace()) {
            self.at += 1;
        }
        let start = self.at;
        if *bytes.get(start)? == b']' {
            self.at = bytes.len();
            return Some(Event::unnamed("[DONE]", start + 1));
        }
        let (mut depth, mut in_string) = (0_usize, false);
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b'\\' if in_string => self.at += 1,
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b'{' | b'[' => depth += 1,
                b',' | b']' if depth == 0 => break,
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
        }
        // A backslash may have been the last that came.
        self.at = self.at.min(bytes.len());
        let data = self.body.get(start..self.at)?.trim_end();
        Some(Event::unnamed(data, start + data.len()))
    }
}
