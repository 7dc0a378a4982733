//! Whether a receiver took a message.

use std::time::Duration;

use serde_json::Value;

use crate::notify::channel::NotifyError;

use super::http::Answer;
use super::kind::WebhookKind;

/// How much of a receiver's own words is kept, in characters.
const MAX_WORDS: usize = 200;

/// Checks an answer: Feishu and DingTalk report failures inside of one with status 200.
pub(super) fn check(kind: WebhookKind, answer: &Answer) -> Result<(), NotifyError> {
    let Answer { status, retry_after, body } = answer;
    match status {
        200..300 => {}
        300..400 => {
            return Err(NotifyError::new(format!("HTTP {status}: redirects are not followed")).permanent());
        }
        _ => {
            let error = NotifyError::new(format!("HTTP {status}{}", words(body)));
            return Err(match (status, retry_after) {
                (408 | 425 | 429 | 500.., Some(wait)) => error.after(Duration::from_secs(*wait)),
                (408 | 425 | 429 | 500.., None) => error,
                _ => error.permanent(),
            });
        }
    }
    let codes: &[&str] = match kind {
        WebhookKind::Feishu => &["code", "StatusCode"],
        WebhookKind::DingTalk => &["errcode"],
        WebhookKind::Slack | WebhookKind::Discord | WebhookKind::Json => return Ok(()),
    };
    let Ok(Value::Object(answer)) = serde_json::from_slice::<Value>(body) else {
        return Err(NotifyError::new(format!("HTTP {status}, but the answer is not JSON{}", words(body))));
    };
    let failed =
        codes.iter().find_map(|name| answer.get(*name).filter(|code| **code != 0).map(|code| (name, code)));
    let Some((name, code)) = failed else { return Ok(()) };
    let message = ["msg", "errmsg", "StatusMessage"].iter().find_map(|name| answer.get(*name)?.as_str());
    Err(NotifyError::new(format!(
        "HTTP {status}, but {name} {code}{}",
        words(message.unwrap_or_default().as_bytes())
    )))
}

/// Returns the beginning of what a receiver says, in one line, after a colon.
fn words(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let line: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    let line: String = line.join(" ").chars().take(MAX_WORDS).collect();
    if line.is_empty() { String::new() } else { format!(": {line}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: WebhookKind, status: u16, body: &str) -> String {
        let answer = Answer { status, retry_after: None, body: body.as_bytes().to_vec() };
        check(kind, &answer).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_failure_inside_of_an_answer_with_status_200_is_one() {
        use WebhookKind::{DingTalk, Discord, Feishu, Json, Slack};
        for (kind, status, body, expected) in [
            (Slack, 200, "ok", ""),
            (Discord, 204, "", ""),
            (Json, 202, "<html>", ""),
            (Feishu, 200, r#"{"code":0,"msg":"success"}"#, ""),
            (Feishu, 200, r#"{"StatusCode":0,"StatusMessage":"success"}"#, ""),
            (
                Feishu,
                200,
                r#"{"code":19021,"msg":"sign match fail"}"#,
                "HTTP 200, but code 19021: sign match fail",
            ),
            (Feishu, 200, "<html>\n", "HTTP 200, but the answer is not JSON: <html>"),
            (DingTalk, 200, r#"{"errcode":0,"errmsg":"ok"}"#, ""),
            (DingTalk, 200, r#"{"errcode":310000,"errmsg":"x"}"#, "HTTP 200, but errcode 310000: x"),
            (Slack, 404, "no_service", "HTTP 404: no_service"),
            (Slack, 302, "", "HTTP 302: redirects are not followed"),
        ] {
            assert_eq!(told(kind, status, body), expected, "{kind:?} {status} {body}");
        }
    }

    #[test]
    fn what_can_never_succeed_is_not_tried_again() {
        let usual = Duration::from_secs(1);
        let wait = |status, retry_after| {
            check(WebhookKind::Slack, &Answer { status, retry_after, body: Vec::new() })
                .unwrap_err()
                .wait(usual)
        };
        assert_eq!(wait(404, None), None);
        assert_eq!(wait(302, None), None);
        assert_eq!(wait(503, None), Some(usual));
        assert_eq!(wait(429, Some(7)), Some(Duration::from_secs(7)));
    }
}
