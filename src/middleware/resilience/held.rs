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

use crate::middleware::read_ahead;
use crate::middleware::read_ahead::{LIMIT, Opened, Polled};
use crate::middleware::timer::Deadline;

use super::watch::Watch;

/// A response whose body is read ahead.
pub(super) struct Held {
    pub(super) parts: Parts,
    url: Url,
    body: HeldBody,
    /// How long the body is, where the response says so.
    length: Option<u64>,
    /// What was read, as one.
    pub(super) bytes: Pieces,
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
        let opened = Opened::of(response);
        let length = opened.content_length();
        let Opened { parts, url, body: inner } = opened;
        let body = HeldBody { ahead: VecDeque::new(), inner, watch: None };
        Held { parts, url, body, length, bytes: Pieces::default(), is_whole: false }
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
                    self.bytes.push(data);
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

    /// Returns the response, followed to its end by `watch` if there is one.
    pub(super) fn into_opened(self, watch: Option<Watch>) -> Opened {
        let Held { parts, url, mut body, length, bytes, is_whole } = self;
        if is_whole && watch.is_none() && length == Some(bytes.len() as u64) {
            return Opened { parts, url, body: reqwest::Body::from(bytes.into_bytes()) };
        }
        body.watch = watch;
        Opened { parts, url, body: reqwest::Body::wrap(body) }
    }
}

/// Bytes that came in pieces; a single piece is not copied.
#[derive(Default)]
pub(super) struct Pieces {
    /// The only piece so far; empty once there are several.
    only: Bytes,
    several: BytesMut,
}

impl Pieces {
    fn push(&mut self, piece: &Bytes) {
        if self.is_empty() {
            self.only = piece.clone();
            return;
        }
        self.several.extend_from_slice(&std::mem::take(&mut self.only));
        self.several.extend_from_slice(piece);
    }

    fn into_bytes(self) -> Bytes {
        if self.several.is_empty() { self.only } else { self.several.freeze() }
    }

    /// Returns a copy of them as one, by reference where there was a single piece.
    pub(super) fn to_bytes(&self) -> Bytes {
        if self.several.is_empty() { self.only.clone() } else { Bytes::copy_from_slice(&self.several) }
    }
}

impl std::ops::Deref for Pieces {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        if self.several.is_empty() { &self.only } else { &self.several }
    }
}

/// The frames that were read ahead, then the others.
struct HeldBody {
    ahead: VecDeque<Polled>,
    inner: reqwest::Body,
    watch: Option<Watch>,
}

impl HeldBody {
    fn note(&mut self, polled: &Polled) {
        let Some(watch) = &mut self.watch else {
            return;
        };
        match polled {
            Some(Ok(frame)) => frame.data_ref().into_iter().for_each(|data| watch.data(data)),
            Some(Err(_)) => self.watch.take().into_iter().for_each(Watch::broken),
            None => self.watch.take().into_iter().for_each(Watch::ended),
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
        let Some(watch) = self.watch.take() else {
            return;
        };
        // A reader that has all bytes need not ask for more.
        if self.is_end_stream() {
            watch.ended();
        } else {
            watch.dropped();
        }
    }
}
