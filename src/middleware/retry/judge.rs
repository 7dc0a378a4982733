//! What an attempt came to: the decision that status, headers and body lead to, before the limits.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

use llmlogs_core::json::Json;

use super::error_body::permanent;
use super::failure::{FailureKind, Verdict};
use super::server_delay::requested_delay;

/// What is known of a response that failed.
pub(in crate::middleware) struct FailedResponse<'a> {
    /// The response's status, or the one that the error in its body stands for.
    pub(in crate::middleware) status: u16,
    pub(in crate::middleware) headers: &'a HeaderMap,
    /// Its body, if it is JSON.
    pub(in crate::middleware) body: Option<&'a Json<'a>>,
}

/// What follows from an attempt that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::middleware) struct Judgement {
    pub(in crate::middleware) kind: FailureKind,
    pub(in crate::middleware) verdict: Verdict,
    /// The least delay that the server asks for.
    pub(in crate::middleware) delay: Option<Duration>,
}

impl Judgement {
    /// Returns what follows from a failure without a response.
    pub(in crate::middleware) fn of_kind(kind: FailureKind) -> Self {
        Judgement { kind, verdict: kind.verdict(), delay: None }
    }

    /// Returns what follows from a response: its body comes before its headers, those before its status.
    pub(in crate::middleware) fn of_response(response: &FailedResponse<'_>, now: SystemTime) -> Self {
        let FailedResponse { status, headers, body } = *response;
        let delay = requested_delay(status, headers, body, now);
        if let Some(kind) = body.and_then(permanent) {
            return Judgement { kind, verdict: kind.verdict(), delay };
        }
        let kind = FailureKind::of_status(status).unwrap_or(FailureKind::Server);
        let verdict = match (headers.get("x-should-retry").map(http::HeaderValue::as_bytes), kind.verdict()) {
            (Some(b"true"), _) => Verdict::Retry,
            (Some(b"false"), Verdict::Retry) => Verdict::Fallback,
            (_, verdict) => verdict,
        };
        Judgement { kind, verdict, delay }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use llmlogs_core::json;

    use super::*;

    fn judge(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Judgement {
        let headers = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
        });
        let headers: HeaderMap = headers.collect();
        let body = json::parse(body).ok();
        Judgement::of_response(&FailedResponse { status, headers: &headers, body: body.as_ref() }, UNIX_EPOCH)
    }

    #[test]
    fn a_status_says_whether_the_same_request_is_worth_another_attempt() {
        for (statuses, verdict) in [
            (&[408, 409, 425, 429, 500, 502, 503, 504, 529, 507, 520, 524, 599][..], Verdict::Retry),
            (&[401, 402, 403, 404, 501, 505], Verdict::Fallback),
            (&[400, 405, 410, 413, 415, 422, 431, 451], Verdict::Stop),
        ] {
            for status in statuses {
                assert_eq!(judge(*status, &[], "").verdict, verdict, "{status}");
            }
        }
    }

    #[test]
    fn the_body_comes_before_the_headers_and_those_before_the_status() {
        const QUOTA: &str =
            r#"{"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}}"#;
        let yes = ("x-should-retry", "true");
        let no = ("x-should-retry", "false");
        for (status, headers, body, kind, verdict) in [
            (429, &[yes][..], QUOTA, FailureKind::Quota, Verdict::Fallback),
            (503, &[yes], QUOTA, FailureKind::Quota, Verdict::Fallback),
            (400, &[yes], "", FailureKind::BadRequest, Verdict::Retry),
            (401, &[yes], "", FailureKind::Unauthorized, Verdict::Retry),
            (429, &[no], "", FailureKind::RateLimited, Verdict::Fallback),
            (503, &[no], "", FailureKind::Server, Verdict::Fallback),
            (400, &[no], "", FailureKind::BadRequest, Verdict::Stop),
            (503, &[("x-should-retry", "perhaps")], "", FailureKind::Server, Verdict::Retry),
            (
                500,
                &[],
                r#"{"error":{"type":"server_error","message":"maximum context length is 8192 tokens"}}"#,
                FailureKind::ContextLength,
                Verdict::Stop,
            ),
        ] {
            let judged = judge(status, headers, body);
            assert_eq!((judged.kind, judged.verdict), (kind, verdict), "{status} {headers:?} {body}");
        }
    }
}
