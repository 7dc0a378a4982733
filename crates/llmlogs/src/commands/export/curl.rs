//! A command that makes the call again.

use std::io::Write;

use llmlogs_core::read::{Entry, Metadata, State};

use super::stored::{StoredBody, text_type};
use super::url::url;
use super::{LeftOut, Writer};
use crate::outcome::CliError;
use crate::output::text::one_line;

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

/// Returns the headers that the provider requires, each quoted; the key is an environment variable.
fn headers(provider: &str, base_url: &str) -> Vec<String> {
    let key = |header: &str, variable: &str| format!("\"{header}${{{variable}:?set it to your API key}}\"");
    let mut headers = Vec::new();
    match provider {
        "anthropic" => {
            headers.push(key("x-api-key: ", "ANTHROPIC_API_KEY"));
            headers.push("'anthropic-version: 2023-06-01'".to_owned());
        }
        "gcp.gemini" => headers.push(key("x-goog-api-key: ", "GEMINI_API_KEY")),
        "gcp.vertex_ai" => {
            headers.push("\"authorization: Bearer $(gcloud auth print-access-token)\"".to_owned())
        }
        "azure.ai.openai" => headers.push(key("api-key: ", "AZURE_OPENAI_API_KEY")),
        "aws.bedrock" => headers.push(key("authorization: Bearer ", "AWS_BEARER_TOKEN_BEDROCK")),
        "ollama" => {}
        _ => {
            let variable = variable(provider, base_url);
            headers.push(key("authorization: Bearer ", &variable));
        }
    }
    headers
}

/// Returns the name of the variable for the key: `OPENAI_API_KEY`, `X_AI_API_KEY`; for a host `API_KEY`.
fn variable(provider: &str, base_url: &str) -> String {
    let name: String = provider
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
        .collect();
    if provider.is_empty()
        || provider.contains('.')
        || base_url.contains(&format!("//{provider}"))
        || name.starts_with(|c: char| c.is_ascii_digit())
    {
        "API_KEY".to_owned()
    } else {
        format!("{name}_API_KEY")
    }
}

/// Quotes a text as one word for a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_recorded_is_run_by_the_shell() {
        assert_eq!(quoted("it's $(rm -rf /) `x`"), r"'it'\''s $(rm -rf /) `x`'");
        assert_eq!(variable("openai", "https://api.openai.com"), "OPENAI_API_KEY");
        assert_eq!(variable("127.0.0.1", "http://127.0.0.1:80"), "API_KEY");
        assert_eq!(variable("$(x)", ""), "__X__API_KEY");
    }
}
