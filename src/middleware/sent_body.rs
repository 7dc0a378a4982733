//! The body of a request, as it was given to the client.

use bytes::Bytes;
use http_body::Body as _;
use reqwest::Request;

use llmlogs_core::api;
use llmlogs_core::json;
use llmlogs_core::json::Json;

use super::head;

/// The body of a request.
pub(super) struct SentBody {
    /// Its `content-encoding` header; empty if it has none.
    pub(super) content_encoding: String,
    /// `None` if it is not in memory.
    pub(super) bytes: Option<Bytes>,
}

impl SentBody {
    /// Returns the body of `request`, its bytes by reference.
    pub(super) fn of(request: &mut Request) -> Self {
        let content_encoding = head::content_encoding(request.headers());
        SentBody { content_encoding, bytes: buffered_body(request) }
    }

    /// Returns the body as JSON without its longer texts; `None` if it is none.
    pub(super) fn parsed(&self) -> Option<Json<'_>> {
        let bytes = self.bytes.as_deref().filter(|_| self.is_readable())?;
        json::parse_shallow(std::str::from_utf8(bytes).ok()?).ok()
    }

    /// Returns whether the body can be read here: it is in memory, and in no content coding, which would take the caller's
    /// time to decode.
    pub(super) fn is_readable(&self) -> bool {
        let Some(bytes) = &self.bytes else {
            return false;
        };
        // An object has no coding, whatever the header says.
        !api::is_encoded(&self.content_encoding) || bytes.trim_ascii_start().starts_with(b"{")
    }
}

/// Returns the body of `request`, its bytes by reference, or `None` if it is not in memory.
fn buffered_body(request: &mut Request) -> Option<Bytes> {
    let Some(body) = request.body_mut() else {
        return Some(Bytes::new());
    };
    body.as_bytes()?;
    // A buffered body gives all its bytes as one frame without waiting; they are put back at once.
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let bytes = match std::pin::Pin::new(&mut *body).poll_frame(&mut context) {
        std::task::Poll::Ready(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        _ => Bytes::new(),
    };
    *body = reqwest::Body::from(bytes.clone());
    Some(bytes)
}

/// Returns the body of `request` as JSON without its longer texts; `None` if it is none, or not in memory.
pub(super) fn parsed_body(request: &Request) -> Option<Json<'_>> {
    let bytes = request.body()?.as_bytes()?;
    json::parse_shallow(std::str::from_utf8(bytes).ok()?).ok()
}
