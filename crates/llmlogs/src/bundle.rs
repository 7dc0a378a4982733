//! A call as one JSON object.

use serde_json::value::RawValue;

use llmlogs_core::json;
use llmlogs_core::read::{Call, State};

use crate::outcome::CliError;
use crate::output::row;

/// A call and, where wanted, its bodies as they were stored: same keys in the same order, same
/// numbers to the last digit.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Bundle {
    call_id: String,
    session_id: String,
    dir: String,
    state: &'static str,
    /// `null` while the call is not finished, and when the file cannot be read.
    metadata: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Box<RawValue>>,
}

/// Without bodies.
pub(crate) fn head(call: &Call) -> Result<Bundle, CliError> {
    let metadata = match call.state() {
        State::Finished => stored(call, "metadata.json")?,
        _ => None,
    };
    Ok(Bundle {
        call_id: call.id().to_owned(),
        session_id: call.session_id().to_owned(),
        dir: row::path(call.dir()),
        state: row::state(call.state()),
        metadata,
        input: None,
        output: None,
    })
}

/// With bodies; one that is missing is `null`.
pub(crate) fn whole(call: &Call) -> Result<Bundle, CliError> {
    let null = || RawValue::from_string("null".to_owned()).ok();
    Ok(Bundle {
        input: stored(call, "input.json")?.or_else(null),
        output: stored(call, "output.json")?.or_else(null),
        ..head(call)?
    })
}

/// A stored file, made compact; `None` where it is missing or no JSON.
fn stored(call: &Call, name: &str) -> Result<Option<Box<RawValue>>, CliError> {
    let contents = match llmlogs_core::read::files::read(&call.dir().join(name)) {
        Ok(contents) => contents,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(CliError::Root(format!("cannot read {error}"))),
    };
    let text = String::from_utf8_lossy(&contents);
    let compact = json::parse(&text).ok().and_then(|body| {
        let mut out = Vec::new();
        json::compact(&body, &mut out);
        RawValue::from_string(String::from_utf8(out).ok()?).ok()
    });
    Ok(compact)
}
