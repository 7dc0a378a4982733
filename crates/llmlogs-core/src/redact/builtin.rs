//! The built-in rules: the known shapes of secrets.
//!
//! A secret has the prefix that its issuer gives it, at the start of a word, and at least the length that it is issued
//! with. Random text that happens to contain a prefix, such as base64, has more letters and digits before it.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::REPLACEMENT;

/// Shapes of keys: a short pattern that every key of the shape contains, then the shape.
const KEYS: [(&str, &str); 19] = [
    // OpenAI, Anthropic, DeepSeek, OpenRouter, Moonshot, Stability …
    (r"sk-", r"sk-[A-Za-z0-9_\-]{20,}"),
    // Stripe
    (r"k_live_", r"[sr]k_live_[A-Za-z0-9]{20,}"),
    // Google
    (r"AIza", r"AIza[A-Za-z0-9_\-]{35}"),
    (r"ya29\.", r"ya29\.[A-Za-z0-9_\-]{20,}"),
    // Groq, xAI, Perplexity, Hugging Face, Replicate, NVIDIA, Together, Cerebras
    (r"gsk_", r"gsk_[A-Za-z0-9]{32,}"),
    (r"xai-", r"xai-[A-Za-z0-9]{32,}"),
    (r"pplx-", r"pplx-[A-Za-z0-9]{32,}"),
    (r"hf_", r"hf_[A-Za-z0-9]{30,}"),
    (r"r8_", r"r8_[A-Za-z0-9]{30,}"),
    (r"nvapi-", r"nvapi-[A-Za-z0-9_\-]{40,}"),
    (r"tgp_v1_", r"tgp_v1_[A-Za-z0-9_\-]{30,}"),
    (r"csk-", r"csk-[A-Za-z0-9]{32,}"),
    // AWS
    (r"AKIA|ASIA", r"A(?:KIA|SIA)[A-Z0-9]{16}"),
    // GitHub, GitLab, Slack
    (r"gh[pousr]_", r"gh[pousr]_[A-Za-z0-9]{36,}"),
    (r"github_pat_", r"github_pat_[A-Za-z0-9_]{40,}"),
    (r"glpat-", r"glpat-[A-Za-z0-9_\-]{20,}"),
    (r"xox[abeoprs]-", r"xox[abeoprs]-[A-Za-z0-9\-]{20,}"),
    // JSON web tokens
    (r"eyJ", r"eyJ[A-Za-z0-9_\-]{10,}\.eyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{10,}"),
    // Authorization headers
    (r"[Rr][Ee][Rr][ \t]", r"(?i:bearer)[ \t]+[A-Za-z0-9._~+/\-]{20,}=*"),
];

/// A private key in a PEM block.
const PEM: (&str, &str) =
    ("-----BEGIN ", r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----");

/// The length in bytes of the shortest secret.
const SHORTEST: usize = 20;

/// The short patterns of all shapes: a quick check that a text has no secret.
static HINTS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let hints: Vec<_> = KEYS.iter().chain([&PEM]).map(|(hint, _)| *hint).collect();
    // A test below makes sure that this is a regular expression.
    Regex::new(&hints.join("|")).ok()
});

/// All shapes as alternatives; the group `edge` is the character before a secret, which is kept.
static SHAPES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let keys = KEYS.map(|(_, shape)| shape).join("|");
    // A slash before a shape may be part of base64, except before shapes with a character that base64 does not have.
    let in_path = r"sk-[A-Za-z0-9_\-]{20,}|gh[pousr]_[A-Za-z0-9]{36,}|xox[abeoprs]-[A-Za-z0-9\-]{20,}";
    let edge = r"(?P<edge>^|[^A-Za-z0-9_\-+/])";
    let shapes = format!("{edge}(?P<key>{keys})|/(?P<segment>{in_path})|{}", PEM.1);
    // A test below makes sure that this is a regular expression.
    Regex::new(&shapes).ok()
});

/// Returns `text` with its secrets replaced; `None` if it has none.
pub(super) fn redact(text: &str) -> Option<String> {
    let mut redacted = replace_once(text)?;
    // A secret right after another one has an edge before it only once the first is replaced.
    while let Some(next) = replace_once(&redacted) {
        redacted = next;
    }
    Some(redacted)
}

fn replace_once(text: &str) -> Option<String> {
    if text.len() < SHORTEST || !HINTS.as_ref()?.is_match(text) {
        return None;
    }
    let shapes = SHAPES.as_ref()?;
    if !shapes.is_match(text) {
        return None;
    }
    let mut changed = false;
    let redacted = shapes.replace_all(text, |found: &Captures<'_>| {
        let (edge, key) = match (found.name("key"), found.name("segment")) {
            (Some(key), _) => (&found["edge"], key.as_str()),
            (None, Some(segment)) => ("/", segment.as_str()),
            (None, None) => {
                changed = true;
                return REPLACEMENT.to_owned();
            }
        };
        // A word without digits, such as a hyphenated name, is not a key.
        if !key.bytes().any(|b| b.is_ascii_digit()) {
            return found[0].to_owned();
        }
        changed = true;
        let bearer = key.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("bearer"));
        let kept = if bearer { &key[..7] } else { "" };
        format!("{edge}{kept}{REPLACEMENT}")
    });
    changed.then(|| redacted.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_shape_is_found() {
        assert!(SHAPES.is_some() && HINTS.is_some());
        let filler = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0";
        for key in [
            format!("sk-{filler}"),
            format!("sk-ant-api03-{filler}_x-{filler}"),
            format!("sk-or-v1-{filler}"),
            format!("AIza{}", &filler[..35]),
            format!("gsk_{filler}"),
            format!("xai-{filler}"),
            format!("hf_{filler}"),
            format!("rk_live_{filler}"),
            format!("ya29.{filler}"),
            format!("pplx-{filler}"),
            format!("r8_{filler}"),
            format!("nvapi-{filler}"),
            format!("tgp_v1_{filler}"),
            format!("csk-{filler}"),
            format!("github_pat_{filler}"),
            format!("glpat-{filler}"),
            format!("xoxb-{filler}"),
            "AKIA1234567890ABCDEF".to_owned(),
            "ASIA1234567890ABCDEF".to_owned(),
            format!("ghp_{filler}"),
            format!("eyJ{filler}.eyJ{filler}.{filler}"),
            format!("-----BEGIN RSA PRIVATE KEY-----\n{filler}\n-----END RSA PRIVATE KEY-----"),
        ] {
            assert_eq!(redact(&format!("a key: {key}, see")).unwrap(), "a key: [REDACTED], see", "{key}");
            assert_eq!(redact(&key).unwrap(), "[REDACTED]");
            assert_eq!(redact(&format!("export KEY={key}")).unwrap(), "export KEY=[REDACTED]");
        }
        let glued = format!("Bearer {filler}=sk-{filler}");
        assert_eq!(redact(&glued).unwrap(), "Bearer [REDACTED][REDACTED]");
        let path = format!("https://h/v1/sk-{filler}/models");
        assert_eq!(redact(&path).unwrap(), "https://h/v1/[REDACTED]/models");
        assert_eq!(
            redact(&format!("Authorization: Bearer {filler}==")).unwrap(),
            "Authorization: Bearer [REDACTED]"
        );
        for word in ["Bearer", "bearer", "BEARER", "bEaReR"] {
            let header = format!("Authorization: {word}\t{filler}==");
            assert_eq!(redact(&header).unwrap(), format!("Authorization: {word}\t[REDACTED]"));
        }
    }

    #[test]
    fn text_that_only_resembles_a_secret_is_kept() {
        for text in [
            "",
            "sk-short",
            "use sk-learn-with-all-its-many-options",
            "bearer of bad news",
            "the bearer tokenization-of-long-words-is-fine",
            "gAAAAABo-sk-a1B2c3D4e5F6g7H8i9J0k1L2m3",
            "call_abc123 chatcmpl-a1B2c3D4e5F6g7H8i9J0k1L2m3",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
            "risk-a1B2c3D4e5F6g7H8i9J0k1L2m3",
        ] {
            assert_eq!(redact(text), None, "{text}");
        }
    }
}
