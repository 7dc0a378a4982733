//! A command that makes the call again.

use std::io::Write;

use llmlogs_core::read::{Entry, Metadata, State};

use super::{LeftOut, Writer};
use crate::outcome::CliError;
use crate::output::text::one_line;
use crate::replay::curl::{headers, quoted};
use crate::replay::stored::{StoredBody, text_type};
use crate::replay::url::url;

const JSON: &str = "application/json";

#[derive(Default)]
pub(crate) struct Curl {
    started: bool,
}

impl Writer for Curl {
    fn call(&mut self, entry: &Entry, sink: &mut dyn Write) -> Result<Option<LeftOut>, CliError> {
        let Ok(input) = entry.call().input() else { return Ok(Some(LeftOut::NoBodies)) };
        let metadata = entry.call().metadata().unwrap_or_default();
        let Some(url) = url(&metadata) else {
            let finished = entry.call().state() == State::Finished;
            return Ok(Some(if finished { LeftOut::NoAddress } else { LeftOut::NotFinished }));
        };
        let (body, content_type) = match StoredBody::of(&input) {
            StoredBody::Json(text) | StoredBody::Cut { text, .. } => (text, JSON.to_owned()),
            StoredBody::Empty => (String::new(), JSON.to_owned()),
            StoredBody::Text(text) => {
                let content_type = text_type(&text);
                (text, content_type)
            }
            StoredBody::Binary(_) | StoredBody::Elided { .. } | StoredBody::Streaming => {
                return Ok(Some(LeftOut::NoText));
            }
        };
        if std::mem::replace(&mut self.started, true) {
            sink.write_all(b"\n")?;
        } else {
            sink.write_all(b"#!/bin/sh\n")?;
        }
        let method = if metadata.api_info.method.is_empty() { "POST" } else { &metadata.api_info.method };
        let id = one_line(entry.call().id());
        writeln!(sink, "# {id}{}", warning(&metadata, &String::from_utf8_lossy(&input)))?;
        // Without -f, curl prints the body of an error response; with -g, it takes brackets in a URL as they are.
        writeln!(sink, "curl -sSg -X {} {} \\", quoted(method), quoted(&url))?;
        writeln!(sink, "  -H {} \\", quoted(&format!("content-type: {content_type}")))?;
        for header in headers(&metadata.api_info.provider, &metadata.api_info.base_url) {
            writeln!(sink, "  -H {header} \\")?;
        }
        // Not --data-binary, to which a leading @ means a file.
        writeln!(sink, "  --data-raw {}", quoted(&body))?;
        Ok(None)
    }
}

/// Returns a comment on what of the body is not what was sent.
fn warning(metadata: &Metadata, body: &str) -> &'static str {
    if metadata.truncated.input {
        " (its body was cut when it was recorded)"
    } else if body.contains("\"elided\"") || body.contains("[REDACTED]") {
        " (media or secrets were left out of its body when it was recorded)"
    } else {
        ""
    }
}
