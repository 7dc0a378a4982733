//! A call as one JSON object.

use std::path::Path;

use serde_json::Value;
use serde_json::value::RawValue;

use llmlogs_core::read::{self, Call, ErrorKind, State, compact_json};

use crate::outcome::CliError;
use crate::output::row;

/// A call and, if wanted, its bodies as they were stored: same keys in the same order, same
/// numbers to the last digit.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Bundle {
    call_id: String,
    session_id: String,
    dir: String,
    state: State,
    /// `null` while the call is not finished, and if the file cannot be read.
    metadata: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Box<RawValue>>,
    /// The alerts that fire now; `None` where that is not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    firing: Option<Vec<Value>>,
}

impl Bundle {
    /// Returns a call from the contents of its files; `bodies` are those of request and response, `None` to leave them out.
    pub(crate) fn of_contents(
        names: (&str, &str, &Path),
        state: State,
        metadata: Option<&[u8]>,
        bodies: Option<[Option<&[u8]>; 2]>,
    ) -> Self {
        let (call_id, session_id, dir) = names;
        let json = |contents: &[u8]| compact_json(contents).and_then(|text| RawValue::from_string(text).ok());
        let [input, output] = match bodies {
            Some(bodies) => bodies.map(|body| body.and_then(json).or_else(null)),
            None => [None, None],
        };
        Bundle {
            call_id: call_id.to_owned(),
            session_id: session_id.to_owned(),
            dir: row::path(dir),
            state,
            metadata: metadata.and_then(json),
            input,
            output,
            firing: None,
        }
    }

    /// Adds the alerts that fire now.
    pub(crate) fn with_firing(self, firing: Vec<Value>) -> Self {
        Bundle { firing: Some(firing), ..self }
    }
}

fn null() -> Option<Box<RawValue>> {
    RawValue::from_string("null".to_owned()).ok()
}

/// Returns the call without its bodies.
pub(crate) fn head(call: &Call) -> Result<Bundle, CliError> {
    let metadata = match call.state() {
        State::Finished => stored(call.raw_metadata())?,
        _ => None,
    };
    Ok(Bundle {
        call_id: call.id().to_owned(),
        session_id: call.session_id().to_owned(),
        dir: row::path(call.dir()),
        state: call.state(),
        metadata,
        input: None,
        output: None,
        firing: None,
    })
}

/// Returns the call with its bodies; one that is missing is `null`.
pub(crate) fn whole(call: &Call) -> Result<Bundle, CliError> {
    Ok(Bundle {
        input: stored(call.input())?.or_else(null),
        output: stored(call.output())?.or_else(null),
        ..head(call)?
    })
}

/// A stored file in one line; `None` if it is missing or no JSON.
fn stored(contents: read::Result<Vec<u8>>) -> Result<Option<Box<RawValue>>, CliError> {
    match contents {
        Ok(contents) => Ok(compact_json(&contents).and_then(|text| RawValue::from_string(text).ok())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}
