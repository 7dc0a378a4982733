//! The response body, seen as it passes.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, SizeHint};
use reqwest::Response;

use crate::instrument;
use llmlogs_core::capture::Completion;

use super::head::head_of;
use super::in_flight::{InFlightCall, LinkedSpans};
use super::read_ahead;
use super::read_ahead::{ERROR_WAIT, LIMIT, Opened, Polled};
use super::timer::Deadline;

/// Returns `response` with a body that reports to `call` what passes, to its end.
pub(super) async fn attach(response: Response, mut call: Box<InFlightCall>) -> Response {
    if is_linked(response.extensions(), &mut call) {
        return response;
    }
    tee(Opened::of(response), call).await
}

/// Does the same for a response in its parts.
pub(super) async fn attach_opened(response: Opened, mut call: Box<InFlightCall>) -> Response {
    if is_linked(&response.parts.extensions, &mut call) {
        return response.into_response();
    }
    tee(response, call).await
}

/// Lets an inner middleware's call around the same response end this one's span too. Returns whether it will.
fn is_linked(extensions: &http::Extensions, call: &mut InFlightCall) -> bool {
    extensions.get::<LinkedSpans>().is_some_and(|linked| call.link(linked))
}

async fn tee(response: Opened, mut call: Box<InFlightCall>) -> Response {
    let length = response.content_length();
    call.answered(head_of(&response.parts), length);
    let linked = call.linked();
    let Opened { mut parts, url, body } = response;
    let mut tee = Tee { inner: body, ahead: VecDeque::new(), remaining: length, call };
    if parts.status.as_u16() >= 400 {
        tee.read_ahead().await;
    }
    parts.extensions.insert(linked);
    Opened { parts, url, body: reqwest::Body::wrap(tee) }.into_response()
}

/// Passes every frame on as it comes and shows it to the call.
struct Tee {
    inner: reqwest::Body,
    /// Frames of an error's body that were read before the response was passed on.
    ahead: VecDeque<Polled>,
    /// How many bytes are still to come, where the response says how long it is.
    remaining: Option<u64>,
    /// In a box, so that wrapping it moves little.
    call: Box<InFlightCall>,
}

impl Tee {
    fn poll_inner(&mut self, context: &mut Context<'_>) -> Poll<Polled> {
        let polled = ready!(Pin::new(&mut self.inner).poll_frame(context));
        match &polled {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    if let Some(remaining) = &mut self.remaining {
                        *remaining = remaining.saturating_sub(data.len() as u64);
                    }
                    self.call.chunk(data);
                }
            }
            Some(Err(error)) => self.call.fail(instrument::body_failure(error)),
            None => self.call.end(Completion::Complete),
        }
        Poll::Ready(polled)
    }

    /// Reads the beginning of an error's body, so that its message is known whoever drops it: a retry middleware drops it
    /// unread.
    async fn read_ahead(&mut self) {
        let mut length = 0;
        let mut deadline = None;
        std::future::poll_fn(|context| {
            while length < LIMIT {
                let Poll::Ready(polled) = self.poll_inner(context) else {
                    // Most errors are all there at once; only others need a timer.
                    return deadline.get_or_insert_with(|| Deadline::after(ERROR_WAIT)).poll(context);
                };
                let last = !matches!(polled, Some(Ok(_)));
                if let Some(Ok(frame)) = &polled {
                    length += frame.data_ref().map_or(0, Bytes::len);
                }
                self.ahead.push_back(polled);
                if last {
                    break;
                }
            }
            Poll::Ready(())
        })
        .await;
    }
}

impl Body for Tee {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Polled> {
        match self.ahead.pop_front() {
            Some(polled) => Poll::Ready(polled),
            None => self.poll_inner(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ahead.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        read_ahead::size_hint(&self.inner.size_hint(), &self.ahead)
    }
}

impl Drop for Tee {
    fn drop(&mut self) {
        // Many readers stop when they have all bytes, or at the status of an error.
        let all_there = self.remaining == Some(0) || self.inner.is_end_stream();
        self.call.end(if all_there { Completion::Complete } else { Completion::Dropped });
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::sync::Arc;

    use crate::instrument::CallSpan;
    use http_body::Frame;
    use llmlogs_core::capture::{Api, Endpoint};

    use super::*;

    /// A body that knows how long it is at most.
    struct Bounded(Option<Bytes>);

    impl Body for Bounded {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            Poll::Ready(self.0.take().map(|data| Ok(Frame::data(data))))
        }

        fn size_hint(&self) -> SizeHint {
            let mut hint = SizeHint::new();
            hint.set_upper(self.0.as_ref().map_or(1, |_| 100));
            hint
        }
    }

    #[tokio::test]
    async fn a_body_that_was_read_ahead_may_have_a_bound_that_is_lower_than_what_was_read() {
        let endpoint = Arc::new(Endpoint {
            api: Api::Raw,
            provider: Cow::Borrowed("openai"),
            operation: Cow::Borrowed("chat"),
            path_model: None,
            base_url: String::new(),
            path: String::new(),
            query: String::new(),
            method: String::new(),
        });
        let call = Box::new(InFlightCall::new(CallSpan::none(), endpoint, None));
        let inner = reqwest::Body::wrap(Bounded(Some(Bytes::from_static(b"an error"))));
        let mut tee = Tee { inner, ahead: VecDeque::new(), remaining: None, call };
        tee.read_ahead().await;
        let hint = tee.size_hint();
        assert_eq!((hint.lower(), hint.upper()), (8, Some(9)));
    }
}
