//! Which query parameters of a call are recorded: those that are known to be no credential.
//!
//! A list of what is allowed, not of what is forbidden: a parameter that nobody has thought of may be a key.

use super::url::percent_decoded;

/// Parameters that choose a version, a form of the answer or a model, in lower case.
const HARMLESS: [&str; 30] = [
    "$alt",
    "alt",
    "api-version",
    "api_version",
    "beta",
    "bit_rate",
    "channels",
    "container",
    "detect_language",
    "diarize",
    "encoding",
    "enum-encoding",
    "$enum-encoding",
    "format",
    "include",
    "language",
    "model",
    "multichannel",
    "optimize_streaming_latency",
    "output_format",
    "prettyprint",
    "$prettyprint",
    "punctuate",
    "response_format",
    "sample_rate",
    "smart_format",
    "stream",
    "task",
    "utterances",
    "version",
];

/// A value with more bytes than this is left out.
const MAX_VALUE_BYTES: usize = 64;

/// Returns the parameters of `query` that carry no credential, in their order, decoded and joined by `&`.
///
/// A parameter is kept if its name is one of a few and its value a short word without anything that had to be escaped.
pub(super) fn harmless(query: &str) -> String {
    let mut kept = String::new();
    for parameter in query.split('&') {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        // Longer ones are none of the list, and are not worth decoding.
        if name.len() > 3 * MAX_VALUE_BYTES || value.len() > 3 * MAX_VALUE_BYTES {
            continue;
        }
        let (name, value) = (percent_decoded(name), percent_decoded(value));
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:;,=/$[]".contains(&byte);
        if HARMLESS.contains(&&*name.to_ascii_lowercase())
            && value.len() <= MAX_VALUE_BYTES
            && value.bytes().all(is_word)
        {
            if !kept.is_empty() {
                kept.push('&');
            }
            kept.push_str(&name);
            if parameter.contains('=') {
                kept.push('=');
                kept.push_str(&value);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_parameters_were_lost_with_the_keys() {
        for (query, kept) in [
            ("", ""),
            ("key=AIzaSecret", ""),
            ("alt=sse&key=AIzaSecret", "alt=sse"),
            ("api-version=2024-10-21", "api-version=2024-10-21"),
            ("key=s&Api-Version=v1&token=t&beta=true&sig=x&X-Amz-Signature=y", "Api-Version=v1&beta=true"),
            ("%24alt=json%3Benum-encoding%3Dint", "$alt=json;enum-encoding=int"),
            ("beta", "beta"),
        ] {
            assert_eq!(harmless(query), kept, "{query}");
        }
    }

    #[test]
    fn an_unknown_name_or_a_value_that_is_no_word_is_left_out() {
        for query in [
            "api_key=k",
            "apikey=k",
            "access_token=k",
            "subscription-key=k",
            "code=k",
            "whatever=k",
            "alt=a b",
            "alt=a%20b",
            "alt=a%26key%3Dk",
            "alt=a%0d%0ab",
            "alt=\u{fc}",
            &format!("alt={}", "a".repeat(65)),
            &format!("{}=a", "alt".repeat(1000)),
        ] {
            assert_eq!(harmless(query), "", "{query}");
        }
    }
}
