//! The policy that determines what is captured of a call.

/// What to capture of a call: the union of what all recorders of its span require.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapturePolicy {
    /// Whether any recorder is enabled; if none is, bodies are not read at all.
    pub bodies: bool,
    /// The maximum number of bytes kept of one body.
    pub max_body_bytes: usize,
    /// The maximum number of bytes that the response bodies of all calls in flight hold together.
    pub max_bytes_in_flight: usize,
}

impl CapturePolicy {
    /// Captures no body.
    pub const NOTHING: CapturePolicy =
        CapturePolicy { bodies: false, max_body_bytes: 0, max_bytes_in_flight: 0 };

    /// Extends the policy by that of another recorder of the same span.
    pub fn join(&mut self, other: CapturePolicy) {
        self.bodies |= other.bodies;
        self.max_body_bytes = self.max_body_bytes.max(other.max_body_bytes);
        self.max_bytes_in_flight = self.max_bytes_in_flight.max(other.max_bytes_in_flight);
    }
}
