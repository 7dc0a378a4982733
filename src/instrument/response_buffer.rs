//! The body of a response in flight, as far as it is kept.

use std::time::Instant;

use bytes::Bytes;

use llmlogs_core::capture::{Body, CapturePolicy, ChunkTimings, MemoryReservation};

/// How many bytes of a body are kept where no recorder sees the span: enough for the span's own attributes.
const LIMIT_WITHOUT_RECORDER: usize = 1 << 20;

/// Gathers the chunks of a body within the limits of the recorders that see its call.
pub(crate) struct ResponseBuffer {
    kept: Vec<u8>,
    /// The memory that `kept` takes of what calls in flight may have; `None` once there was too little.
    reservation: Option<MemoryReservation>,
    /// How many bytes there were so far, kept or not.
    received: u64,
    timings: ChunkTimings,
    /// The most bytes that are kept.
    limit: usize,
    /// The most bytes that all calls in flight hold together.
    budget: usize,
}

impl ResponseBuffer {
    /// Returns an empty buffer; `policy` is what is captured, `None` if only other layers listen.
    pub(crate) fn new(policy: Option<CapturePolicy>) -> Self {
        ResponseBuffer {
            kept: Vec::new(),
            reservation: Some(MemoryReservation::default()),
            received: 0,
            timings: ChunkTimings::default(),
            limit: match policy {
                Some(policy) if policy.bodies => policy.max_body_bytes,
                Some(_) => 0,
                None => LIMIT_WITHOUT_RECORDER,
            },
            budget: policy.map_or(usize::MAX, |policy| policy.max_bytes_in_flight),
        }
    }

    /// Returns the most bytes that are kept of a body.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Makes room for a body that claims to have `length` bytes.
    #[cfg(feature = "middleware")]
    pub(crate) fn expect(&mut self, length: u64) {
        // A length that is a lie costs at most the limit, and only what is touched of it.
        self.reserve(length.min(self.limit as u64).min(1 << 20) as usize);
    }

    /// Adds a chunk, which has just arrived.
    pub(crate) fn push(&mut self, data: &[u8]) {
        self.received += data.len() as u64;
        let room = self.limit.saturating_sub(self.kept.len());
        if room == 0 || self.reservation.is_none() {
            return;
        }
        let part = &data[..data.len().min(room)];
        if self.kept.capacity() - self.kept.len() < part.len() {
            // A quarter more at a time: what many open streams hold stays close to what they got.
            let more = part.len().max(self.kept.len() / 4).max(512);
            if !self.reserve(more) {
                return;
            }
        }
        self.kept.extend_from_slice(part);
        self.timings.record(self.kept.len(), Instant::now);
    }

    /// Notes that the first token has arrived now, unless it had before.
    pub(crate) fn first_token(&mut self) {
        self.timings.record_first_content(Instant::now());
    }

    /// Returns whether no chunk has arrived.
    pub(crate) fn is_empty(&self) -> bool {
        self.received == 0
    }

    /// Makes room for `more` bytes if the calls in flight do not hold too much already; otherwise this one gives up its
    /// body. Returns whether there is room.
    fn reserve(&mut self, more: usize) -> bool {
        if self.reservation.as_mut().is_some_and(|reservation| reservation.reserve(more, self.budget)) {
            self.kept.reserve_exact(more);
            return true;
        }
        self.reservation = None;
        self.kept = Vec::new();
        false
    }

    /// Returns the body as far as it was kept, and leaves the buffer without it.
    pub(crate) fn take_body(&mut self) -> Body {
        let bytes = Bytes::from(std::mem::take(&mut self.kept));
        let is_dropped = self.reservation.take().is_none();
        if is_dropped {
            Body::Dropped { original: self.received }
        } else if bytes.len() as u64 == self.received {
            Body::limited(bytes, usize::MAX)
        } else {
            Body::Cut { bytes, original: self.received }
        }
    }

    /// Returns when the chunks arrived, and leaves the buffer without that.
    pub(crate) fn take_timings(&mut self) -> ChunkTimings {
        std::mem::take(&mut self.timings)
    }
}
