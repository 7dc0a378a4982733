//! The circuits of the process's breakers, as whoever reports on them reads them: a middleware's own handle, and the
//! recorder's guard.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use serde::Serialize;

/// The state of a circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CircuitState {
    /// Attempts pass.
    Closed,
    /// Attempts go elsewhere: there were too many failures.
    Open,
    /// One attempt at a time finds out whether the target works again.
    HalfOpen,
    /// Attempts go elsewhere for as long as the server asked for, or while the credential is refused.
    CoolingDown,
}

impl CircuitState {
    /// Returns the state's name: `closed`, `open`, `half_open` or `cooling_down`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            CircuitState::Closed => "closed",
            CircuitState::Open => "open",
            CircuitState::HalfOpen => "half_open",
            CircuitState::CoolingDown => "cooling_down",
        }
    }
}

/// The circuit of one target: a provider's host, a model and a credential, which is not told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Circuit {
    /// OpenTelemetry's name of the provider where it has one.
    pub provider: String,
    /// Scheme, host and port.
    pub base_url: String,
    /// The model; empty if requests name none.
    pub model: String,
    /// The state.
    pub state: CircuitState,
    /// How long attempts go elsewhere yet, in milliseconds; 0 if they pass.
    pub remaining_ms: u64,
}

impl Circuit {
    pub(crate) fn new(
        [provider, base_url, model]: [&str; 3],
        state: CircuitState,
        remaining: Option<Duration>,
    ) -> Self {
        Circuit {
            provider: provider.to_owned(),
            base_url: base_url.to_owned(),
            model: model.to_owned(),
            state,
            remaining_ms: remaining.map_or(0, |left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
        }
    }

    /// Returns whether attempts at the target do not all pass.
    #[must_use]
    pub fn is_degraded(&self) -> bool {
        self.state != CircuitState::Closed
    }
}

/// Whatever has circuits.
pub(crate) trait Source: Send + Sync {
    /// Returns its circuits.
    fn circuits(&self) -> Vec<Circuit>;
}

static SOURCES: Mutex<Vec<Weak<dyn Source>>> = Mutex::new(Vec::new());

/// Adds a source to those of the process, for as long as it lives.
pub(crate) fn register(source: &Arc<dyn Source>) {
    let mut sources = SOURCES.lock().unwrap_or_else(PoisonError::into_inner);
    sources.retain(|source| source.strong_count() > 0);
    sources.push(Arc::downgrade(source));
}

/// Returns the circuits of every breaker in the process.
pub(crate) fn all() -> Vec<Circuit> {
    let sources = SOURCES.lock().unwrap_or_else(PoisonError::into_inner).clone();
    sources.iter().filter_map(Weak::upgrade).flat_map(|source| source.circuits()).collect()
}
