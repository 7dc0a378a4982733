//! What is to be captured of a call.

/// What the recorders that see a span want captured of its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapturePolicy {
    /// Whether any recorder is switched on. Where none is, bodies are not even looked at.
    pub bodies: bool,
    /// The most bytes that are kept of one body.
    pub max_body_bytes: usize,
    /// The most bytes that the response bodies of all calls in flight may hold together.
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
