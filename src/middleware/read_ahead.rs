//! What bodies of responses have in common whose beginning is read before they go on.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use http_body::{Body as _, Frame, SizeHint};
use reqwest::{Response, ResponseBuilderExt, Url};

/// How much of a body is read ahead, in bytes.
pub(super) const LIMIT: usize = 64 << 10;

/// How long the rest of an error's body is waited for: most errors are all there at once.
pub(super) const ERROR_WAIT: Duration = Duration::from_secs(1);

/// What a body gave when it was asked for its next frame.
pub(super) type Polled = Option<Result<Frame<Bytes>, reqwest::Error>>;

/// Returns how long a body is whose `inner` has given the frames `ahead`, which are still to be passed on.
pub(super) fn size_hint(inner: &SizeHint, ahead: &VecDeque<Polled>) -> SizeHint {
    let data = |frame: &Frame<Bytes>| frame.data_ref().map_or(0, |data| data.len() as u64);
    let ahead: u64 = ahead.iter().flatten().flatten().map(data).sum();
    let mut hint = SizeHint::new();
    // The upper bound first: setting a lower bound above it panics.
    if let Some(upper) = inner.upper() {
        hint.set_upper(upper.saturating_add(ahead));
    }
    hint.set_lower(inner.lower().saturating_add(ahead));
    hint
}

/// A response in its parts: several wrappers around its body cost one way there and back.
pub(super) struct Opened {
    pub(super) parts: Parts,
    pub(super) url: Url,
    pub(super) body: reqwest::Body,
}

impl Opened {
    pub(super) fn of(response: Response) -> Self {
        let url = response.url().clone();
        let (parts, body) = http::Response::<reqwest::Body>::from(response).into_parts();
        Opened { parts, url, body }
    }

    /// Returns how long the body is, where that is known.
    pub(super) fn content_length(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    pub(super) fn into_response(self) -> Response {
        let Opened { mut parts, url, body } = self;
        // The only way to set a response's URL is an extension that the builder makes.
        if let Ok(with_url) = http::Response::builder().url(url).body(()) {
            parts.extensions.extend(with_url.into_parts().0.extensions);
        }
        Response::from(http::Response::from_parts(parts, body))
    }
}
