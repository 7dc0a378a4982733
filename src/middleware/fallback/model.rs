//! A request for another model: its name replaced in the body, or in the path where an API has it there.

use llmlogs_core::json::{self, Json};

/// Returns `body` with `model` in the place of its own; `None` if it names none.
pub(super) fn in_body(body: &[u8], model: &str) -> Option<Vec<u8>> {
    let mut json = json::parse(std::str::from_utf8(body).ok()?).ok()?;
    let named = json.as_object_mut()?.get_mut("model").filter(|named| named.as_str().is_some())?;
    *named = Json::string(model.to_owned());
    let mut out = Vec::with_capacity(body.len() + model.len());
    json::compact(&json, &mut out);
    Some(out)
}

/// Returns `path` with `model` in the place of the one that it names; `None` if it names none: `/models/MODEL:verb` (Gemini,
/// Vertex AI), `/model/MODEL/verb` (Bedrock), `/deployments/MODEL/…` (Azure).
pub(super) fn in_path(path: &str, model: &str) -> Option<String> {
    let model = encoded(model);
    if let Some(start) = after(path, "/models/") {
        let end = start + path[start..].find(':').or_else(|| path[start..].find("%3A"))?;
        return Some(format!("{}{model}{}", &path[..start], &path[end..]));
    }
    // An ARN may have slashes; the verb is the last segment.
    if let (Some(start), Some(end)) = (after(path, "/model/"), path.rfind('/'))
        && end > start
    {
        return Some(format!("{}{model}{}", &path[..start], &path[end..]));
    }
    let start = after(path, "/deployments/")?;
    let end = start + path[start..].find('/')?;
    Some(format!("{}{model}{}", &path[..start], &path[end..]))
}

fn after(path: &str, marker: &str) -> Option<usize> {
    path.rfind(marker).map(|at| at + marker.len())
}

/// Returns a name as a segment of a path.
fn encoded(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_the_model_changes_in_a_body_as_json() {
        let body = r#"{"temperature": 0.30, "model": "gpt-4o", "messages": [{"role":"user","content":"h\u00e9 \"model\":\"gpt-4o\""}]}"#;
        let changed = in_body(body.as_bytes(), "gpt-4o-mini").unwrap();
        assert_eq!(
            String::from_utf8(changed).unwrap(),
            r#"{"temperature":0.30,"model":"gpt-4o-mini","messages":[{"role":"user","content":"hé \"model\":\"gpt-4o\""}]}"#
        );
        for body in ["{}", "[]", r#"{"model":null}"#, r#"{"a":{"model":"m"}}"#, "no json", ""] {
            assert_eq!(in_body(body.as_bytes(), "m"), None, "{body}");
        }
    }

    #[test]
    fn a_model_in_the_path_is_replaced_there() {
        for (path, expected) in [
            ("/v1beta/models/gemini-2.5-pro:generateContent", Some("/v1beta/models/a%2Fb:generateContent")),
            (
                "/v1/projects/p/publishers/google/models/g:streamGenerateContent",
                Some("/v1/projects/p/publishers/google/models/a%2Fb:streamGenerateContent"),
            ),
            ("/model/us.amazon.nova-v1%3A0/converse", Some("/model/a%2Fb/converse")),
            (
                "/model/arn:aws:bedrock:eu-west-1:1:inference-profile/eu.claude/invoke",
                Some("/model/a%2Fb/invoke"),
            ),
            (
                "/openai/deployments/gpt-4o/chat/completions",
                Some("/openai/deployments/a%2Fb/chat/completions"),
            ),
            ("/v1/chat/completions", None),
            ("/v1/models/m", None),
        ] {
            assert_eq!(in_path(path, "a/b").as_deref(), expected, "{path}");
        }
    }
}
