//! Media that were left out of a body and are in the session's `media/`.

use std::cell::Cell;
use std::io::Read;

use llmlogs_core::format::layout::MEDIA_DIR;
use llmlogs_core::read::{Conversation, Part};
use maud::{Markup, html};
use serde_json::Value;

use crate::output::format::size;
use crate::page::call_dir::CallDir;

use super::Shown;
use crate::page::html::parts::Gallery;
use crate::page::html::text::visible;

/// So many of a body are looked for.
const MOST: usize = 200;

/// What a file is by its first bytes. Nothing else is shown: neither SVG nor HTML, which run scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Image(&'static str),
    Audio(&'static str),
    Video(&'static str),
}

impl Kind {
    /// Returns the kind of a file that begins with `bytes`.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let at = |place: usize, mark: &[u8]| bytes.get(place..place + mark.len()) == Some(mark);
        Some(match bytes {
            _ if at(0, b"\x89PNG\r\n\x1a\n") => Kind::Image("image/png"),
            _ if at(0, b"\xff\xd8\xff") => Kind::Image("image/jpeg"),
            _ if at(0, b"GIF87a") || at(0, b"GIF89a") => Kind::Image("image/gif"),
            _ if at(0, b"RIFF") && at(8, b"WEBP") => Kind::Image("image/webp"),
            _ if at(0, b"RIFF") && at(8, b"WAVE") => Kind::Audio("audio/wav"),
            _ if at(0, b"ID3") => Kind::Audio("audio/mpeg"),
            [0xff, 0xe2 | 0xe3 | 0xf2 | 0xf3 | 0xfa | 0xfb, ..] => Kind::Audio("audio/mpeg"),
            _ if at(0, b"OggS") => Kind::Audio("audio/ogg"),
            _ if at(0, b"fLaC") => Kind::Audio("audio/flac"),
            _ if at(4, b"ftypM4A") => Kind::Audio("audio/mp4"),
            _ if at(4, b"ftyp") => Kind::Video("video/mp4"),
            _ if at(0, b"\x1a\x45\xdf\xa3") => Kind::Video("video/webm"),
            _ => return None,
        })
    }

    pub(super) fn media_type(self) -> &'static str {
        match self {
            Kind::Image(name) | Kind::Audio(name) | Kind::Video(name) => name,
        }
    }
}

/// Returns whether a text may be the hash in a name: nothing else gets as far as the folder.
pub(super) fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Returns the name of the file in `media/` that begins with the hash.
pub(super) fn file_name(dir: &CallDir, hash: &str) -> Option<String> {
    let extensions = [
        "png", "jpg", "gif", "webp", "svg", "wav", "mp3", "ogg", "flac", "m4a", "mp4", "webm", "pdf", "txt",
        "bin",
    ];
    let names = extensions.map(|extension| format!("{hash}.{extension}"));
    names.into_iter().find(|name| dir.session_file(MEDIA_DIR, name).is_ok())
}

/// A medium that was left out of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Elided {
    media_type: String,
    bytes: u64,
    hash: String,
}

/// The media of one body, in order.
pub(super) struct Media<'a> {
    shown: &'a Shown,
    elided: Vec<Elided>,
    /// Whether each stands in the place of its part.
    is_placed: bool,
    next: Cell<usize>,
}

impl<'a> Media<'a> {
    /// Finds those of a body, which is shown as `parts`.
    pub(super) fn of<'p>(shown: &'a Shown, file: &str, parts: impl Iterator<Item = &'p Part>) -> Self {
        let mut elided = Vec::new();
        // A look for the word spares parsing most bodies.
        let contents =
            shown.dir.read(file).filter(|contents| contents.windows(8).any(|word| word == b"\"elided\""));
        if let Some(body) = contents.and_then(|contents| serde_json::from_slice(&contents).ok()) {
            find(&body, &mut elided);
        }
        let without_source = |part: &&Part| matches!(part, Part::Media { source, .. } if source.is_empty());
        let is_placed = parts.filter(without_source).count() == elided.len();
        Media { shown, elided, is_placed, next: Cell::new(0) }
    }

    pub(super) fn of_request(shown: &'a Shown, conversation: &Conversation) -> Self {
        Media::of(shown, "input.json", conversation.messages.iter().flat_map(|message| &message.parts))
    }

    pub(super) fn of_response(shown: &'a Shown, conversation: &Conversation) -> Self {
        Media::of(shown, "output.json", conversation.choices.iter().flat_map(|choice| &choice.parts))
    }

    /// Returns those that have no place among the parts.
    pub(super) fn rest(&self) -> Markup {
        let rest = if self.is_placed { &[] } else { &self.elided[..] };
        html! {
            @if !rest.is_empty() {
                div.media { h3 { "Media" } @for medium in rest { (self.medium(medium)) } }
            }
        }
    }

    fn medium(&self, medium: &Elided) -> Markup {
        let kind = file_name(&self.shown.dir, &medium.hash).map(|name| {
            let mut first = Vec::new();
            let file = self.shown.dir.session_file(MEDIA_DIR, &name);
            let read = file.and_then(|file| file.take(32).read_to_end(&mut first));
            read.ok().and_then(|_| Kind::of(&first))
        });
        if let Some(Some(Kind::Audio(_) | Kind::Video(_))) = kind {
            self.shown.plays.set(true);
        }
        let what = format!("{}, {}", medium.media_type, size(medium.bytes));
        let address = self.shown.below(&format!("media/{}", medium.hash));
        html! {
            figure {
                @match kind {
                    Some(Some(Kind::Image(_))) => { a href=(address) { img src=(address) alt=(visible(&what)) loading="lazy"; } },
                    Some(Some(Kind::Audio(_))) => { audio controls preload="none" src=(address) {} },
                    Some(Some(Kind::Video(_))) => { video controls preload="none" src=(address) {} },
                    Some(None) | None => {},
                }
                figcaption.dim {
                    (visible(&what))
                    @match kind {
                        Some(_) => { " · " a href=(address) download { "Download" } },
                        None => { " · not kept: the recorder keeps media only if it is told to" },
                    }
                }
            }
        }
    }
}

impl Gallery for Media<'_> {
    fn next(&self) -> Option<Markup> {
        let place = self.next.replace(self.next.get() + 1);
        self.elided.get(place).filter(|_| self.is_placed).map(|medium| self.medium(medium))
    }
}

fn find(value: &Value, found: &mut Vec<Elided>) {
    match value {
        _ if found.len() >= MOST => {}
        Value::Array(items) => items.iter().for_each(|item| find(item, found)),
        Value::Object(members) => match elided(value) {
            Some(medium) => found.push(medium),
            None => members.values().for_each(|member| find(member, found)),
        },
        _ => {}
    }
}

fn elided(value: &Value) -> Option<Elided> {
    let medium = value.get("elided")?;
    let hash = medium.get("sha256")?.as_str().filter(|hash| is_hash(hash))?;
    Some(Elided {
        media_type: medium.get("media_type")?.as_str()?.to_owned(),
        bytes: medium.get("bytes")?.as_u64()?,
        hash: hash.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_run_a_script_is_no_medium() {
        assert_eq!(Kind::of(b"\x89PNG\r\n\x1a\n...."), Some(Kind::Image("image/png")));
        assert_eq!(Kind::of(b"RIFF\0\0\0\0WAVEfmt "), Some(Kind::Audio("audio/wav")));
        for text in
            [&b"<svg onload=alert(1)>"[..], b"<!doctype html>", b"%PDF-1.7", b"", b"\xff\xd8", b"GIF8"]
        {
            assert_eq!(Kind::of(text), None);
        }
    }
}
