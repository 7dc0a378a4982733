//! Reads the lines of a file backwards from its end.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

const BLOCK_BYTES: u64 = 1 << 16;

/// The longest line that is read; reading stops at a longer one, which is not a line of an index.
const MAX_LINE_BYTES: usize = 64 << 20;

/// Reads the complete lines of a file, the last one first.
#[derive(Debug)]
pub(super) struct ReverseLines {
    file: File,
    /// The offset of `buffer` in the file.
    start: u64,
    buffer: Vec<u8>,
    /// The end of the part of the buffer that has not been returned; a newline comes before it.
    end: usize,
}

impl ReverseLines {
    /// Starts at the current end of the file. An incomplete last line is skipped.
    pub(super) fn new(mut file: File) -> io::Result<Self> {
        let start = file.seek(SeekFrom::End(0))?;
        let mut lines = ReverseLines { file, start, buffer: Vec::new(), end: 0 };
        loop {
            if let Some(newline) = lines.buffer.iter().rposition(|byte| *byte == b'\n') {
                lines.end = newline + 1;
                return Ok(lines);
            }
            if !lines.extend()? {
                lines.end = 0;
                return Ok(lines);
            }
        }
    }

    /// Returns the next line towards the start of the file, without its newline.
    pub(super) fn previous(&mut self) -> io::Result<Option<&[u8]>> {
        loop {
            if self.end == 0 {
                if self.start == 0 || !self.extend()? {
                    return Ok(None);
                }
                continue;
            }
            let last = self.end - 1;
            match self.buffer[..last].iter().rposition(|byte| *byte == b'\n') {
                Some(newline) => {
                    self.end = newline + 1;
                    return Ok(Some(&self.buffer[newline + 1..last]));
                }
                None if self.start == 0 => {
                    self.end = 0;
                    return Ok(Some(&self.buffer[..last]));
                }
                None => {
                    if !self.extend()? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Reads the block before the buffer; returns `false` if there is none.
    fn extend(&mut self) -> io::Result<bool> {
        let length = self.start.min(BLOCK_BYTES);
        let kept = if self.end > 0 { self.end } else { 0 };
        if length == 0 || kept > MAX_LINE_BYTES {
            return Ok(false);
        }
        self.start -= length;
        let mut block = vec![0; length as usize];
        self.file.seek(SeekFrom::Start(self.start))?;
        self.file.read_exact(&mut block)?;
        block.extend_from_slice(&self.buffer[..kept]);
        self.end = block.len();
        self.buffer = block;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn lines(contents: &[u8]) -> Vec<String> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(contents).unwrap();
        let mut lines = ReverseLines::new(file).unwrap();
        let mut found = Vec::new();
        while let Some(line) = lines.previous().unwrap() {
            found.push(String::from_utf8(line.to_vec()).unwrap());
        }
        found
    }

    #[test]
    fn complete_lines_are_returned_from_the_last_to_the_first() {
        assert_eq!(lines(b"one\ntwo\nthree\n"), ["three", "two", "one"]);
        assert_eq!(lines(b"one\ntwo\ntor"), ["two", "one"]);
        assert_eq!(lines(b""), [""; 0]);
        assert_eq!(lines(b"torn"), [""; 0]);
        assert_eq!(lines(b"\n\n"), ["", ""]);
    }

    #[test]
    fn lines_across_blocks_are_whole() {
        let long = "x".repeat(200_000);
        let contents = format!("first\n{long}\nlast\n{}", "t".repeat(100_000));
        assert_eq!(lines(contents.as_bytes()), ["last", &long, "first"]);
        let many: String = (0..20_000).map(|n| format!("{n}\n")).collect();
        let mut expected: Vec<_> = (0..20_000).map(|n| n.to_string()).collect();
        expected.reverse();
        assert_eq!(lines(many.as_bytes()), expected);
    }
}
