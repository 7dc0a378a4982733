//! `output.json` and `output.txt` of a call that succeeded.

use crate::api::Interpretation;
use crate::capture::CapturedResponse;
use crate::render::{self, Reply};

use super::body::{Content, is_cut, with_newline};
use super::media::Media;
use super::options::ComposeOptions;

/// The response's two files.
pub struct Output {
    /// `output.json`
    pub json: Vec<u8>,
    /// `output.txt`
    pub text: String,
    /// The media that were elided from the body.
    pub media: Vec<Media>,
}

/// Returns the two files of a response; `redacted`: whether redaction changed its body.
pub fn output(
    options: &ComposeOptions,
    response: Option<&CapturedResponse>,
    answer: &Interpretation<'_>,
    redacted: bool,
    reply: &Reply<'_>,
) -> Output {
    let decoded = answer.body();
    let body = response.map(|response| &response.body);
    // A stream is stored as the object that it was folded into, unless it was truncated.
    let body = body.filter(|body| !decoded.streamed || decoded.json.is_none() || is_cut(body));
    let content = Content {
        json: decoded.json.as_ref().filter(|_| !body.is_some_and(is_cut)),
        redacted,
        body,
        content_type: response.map_or("", |response| &response.head.content_type),
    };
    let mut media = Vec::new();
    let json = content.store(options, &mut media);
    let raw = if reply.choices.is_empty() { std::str::from_utf8(&json).ok() } else { None };
    let text = render::output(&Reply { raw, ..*reply }, None);
    Output { json: with_newline(json), text, media }
}
