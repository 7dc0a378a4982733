//! What is kept of a response's status line and headers: nothing that could be a credential.

use std::borrow::Cow;
use std::time::SystemTime;

use http::response::Parts;
use http::{Extensions, HeaderMap, StatusCode, Version};
use hyper::ext::ReasonPhrase;

use llmlogs_core::capture::ResponseHead;

/// Headers under which providers put their id of a request, in the order of preference.
const REQUEST_ID: [&str; 9] = [
    "x-request-id",
    "request-id",
    "x-amzn-requestid",
    "apim-request-id",
    "x-ms-request-id",
    "x-goog-request-id",
    "x-groq-request-id",
    "x-debug-trace-id",
    "cf-ray",
];

/// Bedrock's counts and their names in the last event of its streams.
const COUNTS: [(&str, &str); 4] = [
    ("x-amzn-bedrock-input-token-count", "inputTokenCount"),
    ("x-amzn-bedrock-output-token-count", "outputTokenCount"),
    ("x-amzn-bedrock-cache-read-input-token-count", "cacheReadInputTokenCount"),
    ("x-amzn-bedrock-cache-write-input-token-count", "cacheWriteInputTokenCount"),
];

/// Returns what is kept of a response's status line and headers.
pub(super) fn head_of(parts: &Parts) -> ResponseHead {
    let status_text = status_text(parts.status, parts.version, &parts.extensions);
    of_headers(parts.status, status_text, &parts.headers)
}

fn of_headers(status: StatusCode, status_text: Cow<'static, str>, headers: &HeaderMap) -> ResponseHead {
    let mut head = ResponseHead { status: Some(status.as_u16()), status_text, ..ResponseHead::default() };
    let mut rank = REQUEST_ID.len();
    // One look at each header is cheaper than a search for each that may be there.
    for (name, value) in headers {
        let (name, Ok(value)) = (name.as_str(), value.to_str()) else {
            continue;
        };
        match name {
            "content-type" if head.content_type.is_empty() => head.content_type = value.to_owned(),
            "content-encoding" => add_coding(&mut head.content_encoding, value),
            "retry-after" | "retry-after-ms" if head.retry_after_ms.is_none() => {
                head.retry_after_ms = retry_after_ms(headers, SystemTime::now());
            }
            "x-amzn-errortype" => head.error_code = aws_error_code(value),
            // All of them are read at the first one.
            _ if name.starts_with("x-amzn-bedrock-") && head.invocation_metrics.is_empty() => {
                head.invocation_metrics = invocation_metrics(headers);
            }
            _ => {
                let known = REQUEST_ID[..rank].iter().position(|known| *known == name);
                if let Some(known) = known.filter(|_| !value.is_empty()) {
                    rank = known;
                    head.request_id = value.to_owned();
                }
            }
        }
    }
    head
}

/// Returns the reason phrase of a response. hyper keeps one that is not the standard phrase of its status.
fn status_text(status: StatusCode, version: Version, extensions: &Extensions) -> Cow<'static, str> {
    /// Anybody may answer anything.
    const MAX_CHARS: usize = 100;
    if version > Version::HTTP_11 {
        return Cow::Borrowed("");
    }
    match extensions.get::<ReasonPhrase>() {
        Some(phrase) => {
            let phrase = String::from_utf8_lossy(phrase.as_bytes());
            let printable = phrase.chars().filter(|c| !c.is_control()).take(MAX_CHARS);
            Cow::Owned(printable.collect())
        }
        None => Cow::Borrowed(status.canonical_reason().unwrap_or_default()),
    }
}

/// Returns the content codings of a body in the order in which they were applied.
pub(super) fn content_encoding(headers: &HeaderMap) -> String {
    let mut codings = String::new();
    for value in headers.get_all("content-encoding") {
        add_coding(&mut codings, value.to_str().unwrap_or_default());
    }
    codings
}

/// Adds what one of several headers says to what those before it did.
fn add_coding(codings: &mut String, value: &str) {
    if !codings.is_empty() {
        codings.push_str(", ");
    }
    codings.push_str(value);
}

/// An AWS error's type, which may come as `namespace#type:address`.
fn aws_error_code(header: &str) -> String {
    let name = header.split(':').next().unwrap_or_default();
    name.rsplit('#').next().unwrap_or_default().to_owned()
}

fn invocation_metrics(headers: &HeaderMap) -> Vec<(&'static str, u64)> {
    let read = |(header, name)| Some((name, text(headers, header).trim().parse().ok()?));
    COUNTS.into_iter().filter_map(read).collect()
}

fn text(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

/// `retry-after-ms`, else `Retry-After` in seconds or as a date
/// ([RFC 9110, section 10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)).
fn retry_after_ms(headers: &HeaderMap, now: SystemTime) -> Option<u64> {
    let number = |name| text(headers, name).trim().parse::<f64>().ok().filter(|n| *n >= 0.0);
    if let Some(milliseconds) = number("retry-after-ms") {
        return Some(milliseconds.round() as u64);
    }
    if let Some(seconds) = number("retry-after") {
        return Some((seconds * 1000.0).round() as u64);
    }
    let date = httpdate::parse_http_date(text(headers, "retry-after").trim()).ok()?;
    let wait = date.duration_since(now).unwrap_or_default();
    Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn awss_error_types_and_token_counts_are_read() {
        assert_eq!(
            aws_error_code("ValidationException:http://internal.amazon.com/x/"),
            "ValidationException"
        );
        assert_eq!(aws_error_code("com.amazon#ThrottlingException"), "ThrottlingException");
        assert_eq!(aws_error_code(""), "");
        let mut headers = HeaderMap::new();
        headers.insert("x-amzn-bedrock-input-token-count", "12".parse().unwrap());
        headers.insert("x-amzn-bedrock-output-token-count", "many".parse().unwrap());
        assert_eq!(invocation_metrics(&headers), [("inputTokenCount", 12)]);
    }

    #[test]
    fn retry_after_is_read_in_every_form() {
        let now = UNIX_EPOCH + Duration::from_secs(1_445_412_480);
        for (name, value, expected) in [
            ("retry-after", "2", Some(2000)),
            ("retry-after", "0.5", Some(500)),
            ("retry-after-ms", "1250", Some(1250)),
            ("retry-after", "Wed, 21 Oct 2015 07:28:10 GMT", Some(10_000)),
            ("retry-after", "Wednesday, 21-Oct-15 07:28:10 GMT", Some(10_000)),
            ("retry-after", "Wed Oct 21 07:28:10 2015", Some(10_000)),
            ("retry-after", "Wed, 21 Oct 2015 07:27:00 GMT", Some(0)),
            ("retry-after", "soon", None),
            ("x-other", "2", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(retry_after_ms(&headers, now), expected, "{name}: {value}");
        }
    }
}
