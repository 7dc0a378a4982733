//! A response of which the beginning was read before it went on: its body is whole all the same, from its first byte.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::response::Parts;
use http_body::{Body, SizeHint};
use reqwest::{Response, Url};

use crate::middleware::breaker::{Outcome, Permit};
use crate::middleware::read_ahead;
use crate::middleware::read_ahead::{LIMIT, Polled};
use crate::middleware::timer::Deadline;

/// A response whose body is read ahead.
pub(super) struct Held {
    pub(super) parts: Parts,
    url: Url,
    body: HeldBody,
    /// What was read, as one.
    pub(super) bytes: BytesMut,
    /// Whether the body has ended, and was read whole.
    pub(super) is_whole: bool,
}

/// Whether more of a body is to be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum More {
    Read,
    Enough,
}

impl Held {
    pub(super) fn new(response: Response) -> Self {
        let url = response.url().clone();
        let (parts, inner) = http::Response::<reqwest::Body>::from(response).into_parts();
        let body = HeldBody { ahead: VecDeque::new(), inner, permit: None, has_content: false };
        Held { parts, url, body, bytes: BytesMut::new(), is_whole: false }
    }

    /// Reads up to [`LIMIT`] bytes, for at most `wait`, until `enough` says so. It gets all bytes so far, and whether nothing
    /// follows.
    pub(super) async fn read(
        &mut self,
        wait: Option<Duration>,
        mut enough: impl FnMut(&Parts, &[u8], bool) -> More,
    ) {
        let mut deadline = None;
        poll_fn(|context| {
            while self.bytes.len() < LIMIT {
                let Poll::Ready(polled) = Pin::new(&mut self.body.inner).poll_frame(context) else {
                    let Some(wait) = wait else { return Poll::Pending };
                    // Most bodies are all there at once; only others need a timer.
                    return deadline.get_or_insert_with(|| Deadline::after(wait)).poll(context);
                };
                let frame = match &polled {
                    Some(Ok(frame)) => frame,
                    None => {
                        self.is_whole = true;
                        self.body.ahead.push_back(polled);
                        enough(&self.parts, &self.bytes, true);
                        break;
                    }
                    Some(Err(_)) => {
                        self.body.ahead.push_back(polled);
                        break;
                    }
                };
                if let Some(data) = frame.data_ref() {
                    self.bytes.extend_from_slice(data);
                }
                self.body.ahead.push_back(polled);
                if enough(&self.parts, &self.bytes, false) == More::Enough {
                    break;
                }
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Returns the error with which the body broke off, if it did.
    pub(super) fn error(&self) -> Option<&reqwest::Error> {
        match self.body.ahead.back() {
            Some(Some(Err(error))) => Some(error),
            _ => None,
        }
    }

    /// Returns the response. `permit` is finished when its body ends.
    pub(super) fn into_response(self, permit: Option<Permit>) -> Response {
        let Held { parts, url, mut body, bytes, .. } = self;
        body.permit = permit;
        body.has_content = !bytes.is_empty();
        if body.has_content {
            body.permit.iter_mut().for_each(Permit::alive);
        }
        read_ahead::response(parts, url, reqwest::Body::wrap(body))
    }
}

/// The frames that were read ahead, then the others.
struct HeldBody {
    ahead: VecDeque<Polled>,
    inner: reqwest::Body,
    /// The permit of the attempt, whose outcome the end of the body is.
    permit: Option<Permit>,
    has_content: bool,
}

impl HeldBody {
    fn finish(&mut self, outcome: Outcome) {
        if let Some(permit) = self.permit.take() {
            permit.finish(outcome);
        }
    }

    fn note(&mut self, polled: &Polled) {
        if self.permit.is_none() {
            return;
        }
        match polled {
            Some(Ok(frame)) => {
                if !self.has_content && frame.data_ref().is_some_and(|data| !data.is_empty()) {
                    self.has_content = true;
                    self.permit.iter_mut().for_each(Permit::alive);
                }
            }
            Some(Err(_)) => self.finish(Outcome::Failure),
            None => self.finish(Outcome::Success),
        }
    }
}

impl Body for HeldBody {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Polled> {
        let polled = match self.ahead.pop_front() {
            Some(polled) => polled,
            None => ready!(Pin::new(&mut self.inner).poll_frame(context)),
        };
        self.note(&polled);
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.ahead.iter().all(Option::is_none) && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        read_ahead::size_hint(&self.inner.size_hint(), &self.ahead)
    }
}

impl Drop for HeldBody {
    fn drop(&mut self) {
        // Many readers stop at the stream's own end mark: a target that sent content works.
        self.finish(if self.has_content { Outcome::Success } else { Outcome::Neutral });
    }
}
