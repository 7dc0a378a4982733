//! Lines of text, as server-sent events and NDJSON have them.

/// The byte order mark that a body may begin with.
pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";

/// Lines ended by LF, CRLF or CR, each with the offset after it.
pub(super) struct Lines<'a> {
    body: &'a str,
    at: usize,
}

impl<'a> Lines<'a> {
    /// Returns the lines of `body`, without its byte order mark.
    pub(super) fn new(body: &'a str) -> Self {
        let at = if body.starts_with('\u{feff}') { BOM.len() } else { 0 };
        Lines { body, at }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (&'a str, usize);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.body.get(self.at..).filter(|rest| !rest.is_empty())?;
        let (line, ending) = match memchr::memchr2(b'\n', b'\r', rest.as_bytes()) {
            Some(place) if rest[place..].starts_with("\r\n") => (&rest[..place], 2),
            Some(place) => (&rest[..place], 1),
            None => (rest, 0),
        };
        self.at += line.len() + ending;
        Some((line, self.at))
    }
}
