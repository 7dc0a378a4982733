//! What the beginning of a response tells before the rest is there: whether a stream has content yet, whether a body
//! reports an error.

use std::sync::LazyLock;
use std::time::Instant;

use memchr::memmem::Finder;

use crate::capture::{Body, CapturedResponse, ChunkTimings, Completion, Endpoint, Failure, ResponseHead};

use super::interpret::{Depth, interpret};

/// What the beginning of a stream tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beginning {
    /// Nothing yet: pings, a role, a message's start.
    Nothing,
    /// There is content, or the stream has come to its own end.
    Content,
    /// It reports an error, or it is over without an end mark.
    Failed(Failure),
}

/// Returns what `bytes`, with which a stream of `endpoint`'s API begins, tell. `is_over` is whether nothing follows.
#[must_use]
pub fn beginning(endpoint: &Endpoint, head: &ResponseHead, bytes: &[u8], is_over: bool) -> Beginning {
    let response = response(head.clone(), bytes);
    let answer = interpret(endpoint, &response, Depth::Whole);
    let view = answer.view();
    let body = answer.body();
    if body.first_content.is_some() {
        return Beginning::Content;
    }
    if is_over || body.error.is_some() {
        return answer.failure(&view).map_or(Beginning::Content, Beginning::Failed);
    }
    if body.finished && body.streamed { Beginning::Content } else { Beginning::Nothing }
}

/// Returns the failure that a whole body reports although its status is that of a success. What does not so much as
/// mention an error is not parsed.
#[must_use]
pub fn failure_in_body(
    endpoint: &Endpoint,
    head: impl FnOnce() -> ResponseHead,
    bytes: &[u8],
) -> Option<Failure> {
    static MENTION: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"error\""));
    MENTION.find(bytes)?;
    let response = response(head(), bytes);
    let answer = interpret(endpoint, &response, Depth::Summary);
    let view = answer.view();
    answer.failure(&view)
}

fn response(head: ResponseHead, bytes: &[u8]) -> CapturedResponse {
    let now = Instant::now();
    let mut chunk_timings = ChunkTimings::default();
    chunk_timings.record(bytes.len(), || now);
    CapturedResponse {
        head,
        body: Body::limited(bytes.to_vec().into(), usize::MAX),
        chunk_timings,
        completion: Completion::Complete,
        ended: now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Request, detect_endpoint};
    use crate::capture::ErrorType;

    fn tell(path: &str, content_type: &str, body: &str, is_over: bool) -> Beginning {
        let url = format!("https://localhost{path}");
        let endpoint = detect_endpoint(Request { method: "POST", url: &url }).unwrap();
        let head =
            ResponseHead { status: Some(200), content_type: content_type.into(), ..ResponseHead::default() };
        beginning(&endpoint, &head, body.as_bytes(), is_over)
    }

    #[test]
    fn pings_roles_and_starts_are_no_content() {
        const CHAT: &str = "/v1/chat/completions";
        const MESSAGES: &str = "/v1/messages";
        let role =
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
        let text = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n";
        let start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"role\":\"assistant\",\"content\":[]}}\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\n";
        let delta = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n";
        for (path, body, expected) in [
            (CHAT, String::new(), Beginning::Nothing),
            (CHAT, ": ping\n\n".to_owned(), Beginning::Nothing),
            (CHAT, role.to_owned(), Beginning::Nothing),
            (CHAT, [role, "data: {\"choices\":[{\"ind"].concat(), Beginning::Nothing),
            (CHAT, [role, text].concat(), Beginning::Content),
            (CHAT, [role, "data: [DONE]\n\n"].concat(), Beginning::Content),
            (MESSAGES, start.to_owned(), Beginning::Nothing),
            (MESSAGES, [start, delta].concat(), Beginning::Content),
        ] {
            assert_eq!(tell(path, "text/event-stream", &body, false), expected, "{body}");
        }
    }

    #[test]
    fn an_error_before_the_first_content_is_told() {
        let role = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\n\n";
        let error = "data: {\"error\":{\"message\":\"slow down\",\"code\":\"rate_limit_exceeded\"}}\n\n";
        let path = "/v1/chat/completions";
        let Beginning::Failed(failure) = tell(path, "text/event-stream", &[role, error].concat(), false)
        else {
            panic!()
        };
        assert_eq!((failure.kind, &*failure.code), (ErrorType::Http(429), "rate_limit_exceeded"));
        let Beginning::Failed(failure) = tell(path, "text/event-stream", role, true) else { panic!() };
        assert_eq!(failure.kind, ErrorType::Stream, "an end without an end mark");
        let anthropic = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
        let Beginning::Failed(failure) = tell("/v1/messages", "text/event-stream", anthropic, false) else {
            panic!()
        };
        assert_eq!(failure.kind, ErrorType::Http(529));
    }

    #[test]
    fn an_error_under_a_status_of_success_is_found() {
        let endpoint =
            detect_endpoint(Request { method: "POST", url: "https://localhost/v1/responses" }).unwrap();
        let head = ResponseHead {
            status: Some(200),
            content_type: "application/json".into(),
            ..ResponseHead::default()
        };
        for (body, expected) in [
            (r#"{"error":{"code":503,"message":"busy"}}"#, Some(ErrorType::Http(503))),
            (r#"{"id":"r","object":"response","status":"completed","error":null,"output":[]}"#, None),
            (r#"{"id":"r","output":[]}"#, None),
        ] {
            let found =
                failure_in_body(&endpoint, || head.clone(), body.as_bytes()).map(|failure| failure.kind);
            assert_eq!(found, expected, "{body}");
        }
    }
}
