//! The webhooks of the command line. Their addresses are credentials: no message repeats one.

use llmlogs_core::notify::Notify;

/// The environment variable that names the webhook if the command line names none.
const VARIABLE: &str = "LLMLOGS_WEBHOOK";

/// Returns the webhooks that are given: on the command line, else in the environment.
pub(crate) fn all(given: &[String]) -> Result<Vec<Box<dyn Notify>>, String> {
    if !given.is_empty() {
        return given.iter().map(|text| one(text).map_err(|error| format!("--webhook: {error}"))).collect();
    }
    match std::env::var(VARIABLE) {
        Ok(text) if !text.trim().is_empty() => {
            Ok(vec![one(&text).map_err(|error| format!("{VARIABLE}: {error}"))?])
        }
        _ => Ok(Vec::new()),
    }
}

/// Parses `KIND:URL`, `KIND:env:VARIABLE`, `KIND:file:FILE`. After the address, wherever it comes from, a secret may
/// follow with white space between them.
fn one(text: &str) -> Result<Box<dyn Notify>, String> {
    let (kind, address) = text.split_once(':').unwrap_or((text, ""));
    if let Some(name) = address.strip_prefix("env:") {
        let found = std::env::var(name).map_err(|_| format!("the environment variable {name} is not set"))?;
        return parse(&format!("{kind}:{found}"));
    }
    if let Some(path) = address.strip_prefix("file:") {
        let found = std::fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}"))?;
        return parse(&format!("{kind}:{found}"));
    }
    parse(text)
}

#[cfg(feature = "webhooks")]
fn parse(text: &str) -> Result<Box<dyn Notify>, String> {
    let webhook: llmlogs_core::notify::Webhook = text.parse().map_err(|error| format!("{error}"))?;
    Ok(Box::new(webhook))
}

#[cfg(not(feature = "webhooks"))]
fn parse(_text: &str) -> Result<Box<dyn Notify>, String> {
    Err("this llmlogs was built without webhooks".to_owned())
}
