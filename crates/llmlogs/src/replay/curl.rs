//! A command for a POSIX shell that sends a recorded request again, its body by a pipe: an argument has no room for a long one.

use std::fmt::Write;
use std::path::Path;

use llmlogs_core::read::{Metadata, compact_json};

use super::stored::{StoredBody, text_type};
use super::url::url;

const JSON: &str = "application/json";

/// Why there is no such command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoCurl {
    /// The host was not recorded.
    Address,
    /// The body is no text, or only a part of it is there.
    Body,
}

/// Returns the command that sends the contents of an `input.json`.
pub(crate) fn command(metadata: &Metadata, input: &[u8]) -> Result<String, NoCurl> {
    let (body, content_type) = match StoredBody::of(input) {
        StoredBody::Json(text) => (compact_json(text.as_bytes()).unwrap_or(text), JSON.to_owned()),
        StoredBody::Empty => (String::new(), JSON.to_owned()),
        StoredBody::Text(text) => {
            let content_type = text_type(&text);
            (text, content_type)
        }
        StoredBody::Cut { .. }
        | StoredBody::Binary(_)
        | StoredBody::Elided { .. }
        | StoredBody::Streaming => {
            return Err(NoCurl::Body);
        }
    };
    if metadata.truncated.input {
        return Err(NoCurl::Body);
    }
    let print = if content_type == JSON {
        format!("printf '%s' {}", quoted(&escaped_json(&body)))
    } else {
        printed_text(&body)
    };
    Ok(format!("{print} |\n{} \\\n  --data-binary @-\n", request(metadata, &content_type)?))
}

/// Returns the command that sends the file at `path`.
pub(crate) fn command_for_file(metadata: &Metadata, path: &Path) -> Result<String, NoCurl> {
    let path = path.to_str().filter(|path| !path.contains(is_unprintable)).ok_or(NoCurl::Body)?;
    Ok(format!("{} \\\n  --data-binary {}\n", request(metadata, JSON)?, quoted(&format!("@{path}"))))
}

fn request(metadata: &Metadata, content_type: &str) -> Result<String, NoCurl> {
    let url = url(metadata).ok_or(NoCurl::Address)?;
    let api = &metadata.api_info;
    let is_method = !api.method.is_empty() && api.method.bytes().all(|byte| byte.is_ascii_uppercase());
    let method = if is_method { &api.method } else { "POST" };
    // Without -f, curl prints the body of an error response; with -g, it takes brackets in a URL as they are.
    let mut command = format!("curl -sSg -X {method} {}", quoted(&url));
    let content_type = format!("content-type: {}", content_type.replace(is_unprintable, ""));
    let own = headers(&api.provider, &api.base_url);
    for header in std::iter::once(quoted(&content_type)).chain(own) {
        // Writing to a string cannot fail.
        let _infallible = write!(command, " \\\n  -H {header}");
    }
    Ok(command)
}

/// Returns the headers that the provider requires, each quoted; the key is an environment variable.
pub(crate) fn headers(provider: &str, base_url: &str) -> Vec<String> {
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
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Returns whether a terminal into which it is pasted may take a character for more than text.
fn is_unprintable(character: char) -> bool {
    character.is_control()
        || llmlogs_core::render::is_hostile(character)
        || "\u{61c}\u{200e}\u{200f}".contains(character)
}

/// Returns the same JSON, in which such characters are escapes.
fn escaped_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if is_unprintable(character) && !matches!(character, '\n' | '\t' | '\r') {
            // All of them are in the plane that has room in four digits.
            let _infallible = write!(escaped, "\\u{:04x}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Returns the command that prints a text to the last byte.
fn printed_text(text: &str) -> String {
    if !text.contains(|character| is_unprintable(character) && !matches!(character, '\n' | '\t')) {
        return format!("printf '%s' {}", quoted(text));
    }
    let mut escaped = String::with_capacity(text.len() + 64);
    for character in text.chars() {
        if character == '\\' {
            escaped.push_str("\\\\");
        } else if is_unprintable(character) && !matches!(character, '\n' | '\t') {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                let _infallible = write!(escaped, "\\0{byte:03o}");
            }
        } else {
            escaped.push(character);
        }
    }
    format!("printf '%b' {}", quoted(&escaped))
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

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        assert_eq!(escaped_json("\"a\u{202e}\u{7f}é\""), "\"a\\u202e\\u007fé\"");
        assert_eq!(printed_text("a\\b"), "printf '%s' 'a\\b'");
        assert_eq!(printed_text("a\\b\u{1b}"), "printf '%b' 'a\\\\b\\0033'");
    }
}
