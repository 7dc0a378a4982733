//! The targets that a middleware has talked to: the circuit and the budget of each.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderMap;
use reqwest::Request;
use tracing::Level;

use crate::circuits::{self, CircuitState, Source};
use crate::middleware::retry::{Budget, BudgetLimits};

use super::Breaker;
use super::circuit::{Circuit, Outcome, Ticket};

/// Beyond this many targets those that were not used for the longest time are forgotten.
const MAX_TARGETS: usize = 1024;

/// The headers by which requests carry credentials.
pub(in crate::middleware) const CREDENTIAL_HEADERS: [&str; 4] =
    ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

/// Identifies a target in this process: hashes with a key of the process, so that no credential is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::middleware) struct TargetKey {
    /// Of host, model and credential.
    pub(in crate::middleware) target: u64,
    /// Of host and credential.
    pub(in crate::middleware) credential: u64,
}

/// The targets of one middleware and its clones.
pub(in crate::middleware) struct Targets {
    hashes: RandomState,
    /// `None` without a breaker: then everything passes.
    breaker: Option<Breaker>,
    budget: Option<BudgetLimits>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    targets: HashMap<u64, Target, KeyIsHash>,
    /// Until when credentials are not used.
    cooling_credentials: HashMap<u64, Instant, KeyIsHash>,
}

struct Target {
    provider: Box<str>,
    base_url: Box<str>,
    model: Box<str>,
    credential: u64,
    circuit: Circuit,
    budget: Budget,
    /// The state that was last told by an event.
    told: CircuitState,
    used: Instant,
}

/// Whether an attempt may be made.
pub(in crate::middleware) enum Admission {
    Admitted(Permit),
    /// The circuit is open.
    Refused,
}

/// The right to make an attempt. Dropped without a result, it is given back.
pub(in crate::middleware) struct Permit {
    targets: Arc<Targets>,
    key: TargetKey,
    ticket: Ticket,
    is_open: bool,
}

impl Targets {
    pub(in crate::middleware) fn new(breaker: Option<Breaker>, budget: Option<BudgetLimits>) -> Arc<Self> {
        let (hashes, state) = (RandomState::new(), Mutex::default());
        let targets = Arc::new(Targets { hashes, breaker, budget, state });
        if targets.breaker.is_some() {
            let source: Arc<dyn Source> = Arc::<Targets>::clone(&targets);
            circuits::register(&source);
        }
        targets
    }

    /// Returns whether there is a breaker.
    pub(in crate::middleware) fn has_breaker(&self) -> bool {
        self.breaker.is_some()
    }

    /// Returns whether a call fails at once that no target would let pass.
    pub(in crate::middleware) fn fails_fast(&self) -> bool {
        self.breaker.as_ref().is_some_and(|breaker| breaker.fail_fast)
    }

    /// Returns how long a credential that was refused is not used; `None` without a breaker.
    pub(in crate::middleware) fn credential_cooldown(&self) -> Option<Duration> {
        self.breaker.as_ref().map(|breaker| breaker.credential_cooldown)
    }

    /// Returns a random number in `0.0..1.0`.
    pub(in crate::middleware) fn random(&self) -> f64 {
        // A keyed hash of what never comes again.
        let bits = RandomState::new().hash_one(Instant::now());
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns the key of the target that `request` goes to.
    pub(in crate::middleware) fn key(&self, request: &Request, model: &str) -> TargetKey {
        let url = request.url();
        let mut hasher = self.hashes.build_hasher();
        (url.scheme(), url.host_str().unwrap_or_default(), url.port().unwrap_or(0)).hash(&mut hasher);
        Credential::of(request.headers(), url.query()).hash(&mut hasher);
        let credential = hasher.finish();
        TargetKey { target: self.hashes.hash_one((credential, model)), credential }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for an attempt at a target, whose `[provider, base_url, model]` are told where it is new.
    pub(in crate::middleware) fn admit(
        self: &Arc<Self>,
        key: TargetKey,
        label: [&str; 3],
        now: Instant,
    ) -> Admission {
        let mut state = self.lock();
        let is_cooling = state.is_cooling(key.credential, now);
        let target = state.target(key, label, now);
        let ticket = if self.breaker.is_none() {
            Some(target.circuit.pass())
        } else if is_cooling {
            None
        } else {
            target.circuit.admit(now)
        };
        let change = target.change(now);
        drop(state);
        change.into_iter().for_each(Change::tell);
        match ticket {
            Some(ticket) => Admission::Admitted(self.permit(key, ticket)),
            None => Admission::Refused,
        }
    }

    /// Returns a permit for an attempt that has nowhere else to go.
    pub(in crate::middleware) fn pass(
        self: &Arc<Self>,
        key: TargetKey,
        label: [&str; 3],
        now: Instant,
    ) -> Permit {
        let ticket = self.lock().target(key, label, now).circuit.pass();
        self.permit(key, ticket)
    }

    fn permit(self: &Arc<Self>, key: TargetKey, ticket: Ticket) -> Permit {
        Permit { targets: Arc::clone(self), key, ticket, is_open: true }
    }

    /// Returns whether an attempt at the target would be refused now.
    pub(in crate::middleware) fn is_open(&self, key: TargetKey, now: Instant) -> bool {
        if self.breaker.is_none() {
            return false;
        }
        let state = self.lock();
        state.is_cooling(key.credential, now)
            || state.targets.get(&key.target).is_some_and(|target| target.circuit.is_open(now))
    }

    /// Counts a call, of which there may be retries later.
    pub(in crate::middleware) fn count_call(&self, key: TargetKey, now: Instant) {
        if self.budget.is_some()
            && let Some(target) = self.lock().targets.get_mut(&key.target)
        {
            target.budget.call(now);
        }
    }

    /// Takes a retry from the target's budget; returns whether there was one.
    pub(in crate::middleware) fn take_retry(&self, key: TargetKey, now: Instant) -> bool {
        let Some(limits) = self.budget else {
            return true;
        };
        self.lock().targets.get_mut(&key.target).is_none_or(|target| target.budget.retry(limits, now))
    }

    /// Does not use a credential for a while: it was refused.
    pub(in crate::middleware) fn cool_credential(&self, key: TargetKey, now: Instant) {
        if let Some(breaker) = &self.breaker
            && let Some(until) = now.checked_add(breaker.credential_cooldown)
        {
            self.lock().cooling_credentials.insert(key.credential, until);
        }
    }

    fn record(&self, key: TargetKey, ticket: Ticket, outcome: Outcome, now: Instant) {
        let Some(breaker) = &self.breaker else {
            return;
        };
        let random = self.random_for(outcome);
        let mut state = self.lock();
        if outcome == Outcome::Success && !state.cooling_credentials.is_empty() {
            state.cooling_credentials.remove(&key.credential);
        }
        let Some(target) = state.targets.get_mut(&key.target) else {
            return;
        };
        target.circuit.record(&breaker.circuit, ticket, outcome, now, random);
        let change = target.change(now);
        drop(state);
        change.into_iter().for_each(Change::tell);
    }

    /// Only a failure may need a random number.
    fn random_for(&self, outcome: Outcome) -> f64 {
        if outcome == Outcome::Failure { self.random() } else { 0.0 }
    }
}

impl Source for Targets {
    fn circuits(&self) -> Vec<circuits::Circuit> {
        let now = Instant::now();
        let state = self.lock();
        let circuit = |target: &Target| {
            let cooling = state.cooling_credentials.get(&target.credential).copied();
            let cooling = cooling.filter(|until| now < *until);
            let until = target.circuit.until(now).max(cooling);
            let shown = match target.circuit.state(now) {
                CircuitState::Closed if cooling.is_some() => CircuitState::CoolingDown,
                state => state,
            };
            circuits::Circuit::new(target.label(), shown, until.map(|until| until - now))
        };
        let mut circuits: Vec<_> = state.targets.values().map(circuit).collect();
        drop(state);
        circuits
            .sort_by(|a, b| (&a.provider, &a.model, &a.base_url).cmp(&(&b.provider, &b.model, &b.base_url)));
        circuits
    }
}

impl State {
    fn is_cooling(&self, credential: u64, now: Instant) -> bool {
        !self.cooling_credentials.is_empty()
            && self.cooling_credentials.get(&credential).is_some_and(|until| now < *until)
    }

    fn target(
        &mut self,
        key: TargetKey,
        [provider, base_url, model]: [&str; 3],
        now: Instant,
    ) -> &mut Target {
        if self.targets.len() >= MAX_TARGETS && !self.targets.contains_key(&key.target) {
            self.forget(now);
        }
        let target = self.targets.entry(key.target).or_insert_with(|| Target {
            provider: provider.into(),
            base_url: base_url.into(),
            model: model.into(),
            credential: key.credential,
            circuit: Circuit::new(now),
            budget: Budget::new(now),
            told: CircuitState::Closed,
            used: now,
        });
        target.used = now;
        target
    }

    /// Forgets the half of the targets that was not used for the longest time.
    fn forget(&mut self, now: Instant) {
        let mut times: Vec<Instant> = self.targets.values().map(|target| target.used).collect();
        times.sort_unstable();
        let Some(middle) = times.get(times.len() / 2).copied() else {
            return;
        };
        self.targets.retain(|_, target| target.used > middle);
        self.cooling_credentials.retain(|_, until| now < *until);
    }
}

impl Target {
    fn label(&self) -> [&str; 3] {
        [&self.provider, &self.base_url, &self.model]
    }

    /// Returns the change of the state since it was last told.
    fn change(&mut self, now: Instant) -> Option<Change> {
        let state = self.circuit.state(now);
        if state == self.told {
            return None;
        }
        let before = std::mem::replace(&mut self.told, state);
        let remaining = self.circuit.until(now).map(|until| until - now);
        Some(Change { circuit: circuits::Circuit::new(self.label(), state, remaining), before })
    }
}

/// A circuit whose state has changed.
struct Change {
    circuit: circuits::Circuit,
    before: CircuitState,
}

impl Change {
    /// Emits the event, outside of every span: it belongs to no call.
    fn tell(self) {
        let Change { circuit, before } = self;
        let (state, before) = (circuit.state, before.word());
        macro_rules! event {
            ($level:expr) => {
                tracing::event!(
                    target: "tracing_llmlogs::breaker",
                    parent: None,
                    $level,
                    provider = circuit.provider,
                    base_url = circuit.base_url,
                    model = circuit.model,
                    state = state.word(),
                    before,
                    remaining_ms = circuit.remaining_ms,
                    "circuit {}",
                    state.word(),
                )
            };
        }
        if state == CircuitState::Open {
            event!(Level::WARN);
        } else {
            event!(Level::INFO);
        }
    }
}

impl Permit {
    /// Takes what became of the attempt.
    pub(in crate::middleware) fn finish(mut self, outcome: Outcome) {
        self.record(outcome);
    }

    /// Takes what became of the attempt, of which `outcome` makes an [`Outcome`] with the time that a refused credential is
    /// not used; `is_of_the_credential` is whether it was refused.
    pub(in crate::middleware) fn finish_judged(
        self,
        is_of_the_credential: bool,
        outcome: impl FnOnce(Option<Duration>) -> Outcome,
    ) {
        if is_of_the_credential {
            self.targets.cool_credential(self.key, Instant::now());
        }
        let outcome = outcome(self.targets.credential_cooldown());
        self.finish(outcome);
    }

    fn record(&mut self, outcome: Outcome) {
        if std::mem::replace(&mut self.is_open, false) {
            self.targets.record(self.key, self.ticket, outcome, Instant::now());
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.record(Outcome::Neutral);
    }
}

/// What a request carries as its credential.
struct Credential<'r> {
    headers: [Option<&'r [u8]>; CREDENTIAL_HEADERS.len()],
    /// Google's `?key=…`.
    query: Option<&'r str>,
}

impl<'r> Credential<'r> {
    fn of(headers: &'r HeaderMap, query: Option<&'r str>) -> Self {
        let mut known = [None; CREDENTIAL_HEADERS.len()];
        // One look at each header is cheaper than a search for each that may be there.
        for (name, value) in headers {
            if let Some(at) = CREDENTIAL_HEADERS.iter().position(|known| *known == name.as_str()) {
                known[at].get_or_insert(value.as_bytes());
            }
        }
        Credential {
            headers: known,
            query: query.filter(|query| query.contains("key=") || query.contains("token=")),
        }
    }
}

impl Hash for Credential<'_> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        // What is not there is left out, as it mostly is.
        for (at, header) in self.headers.iter().enumerate().filter(|(_, header)| header.is_some()) {
            (at, header).hash(hasher);
        }
        if let Some(query) = self.query {
            query.hash(hasher);
        }
    }
}

/// The keys are hashes already.
type KeyIsHash = std::hash::BuildHasherDefault<SameHash>;

#[derive(Default)]
struct SameHash(u64);

impl std::hash::Hasher for SameHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// Returns the outcome for the breaker of a delay that the server asked for.
pub(in crate::middleware) fn cool_down(delay: Option<Duration>) -> Outcome {
    delay.map_or(Outcome::Neutral, Outcome::CoolDown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_host_a_model_and_a_credential() {
        let targets = Targets::new(None, None);
        let key = |url: &str, headers: &[(&'static str, &str)], model: &str| {
            let mut request = Request::new(reqwest::Method::POST, url.parse().unwrap());
            for (name, value) in headers {
                request.headers_mut().append(*name, value.parse().unwrap());
            }
            targets.key(&request, model)
        };
        let url = "https://api.openai.com/v1/chat/completions";
        let (bearer, other) = (("authorization", "Bearer a"), ("x-api-key", "b"));
        let first = key(url, &[bearer, other], "gpt-4o");
        for same in [
            key(url, &[other, ("x-request-id", "1"), bearer], "gpt-4o"),
            key("https://api.openai.com/v1/responses?api-version=1", &[bearer, other], "gpt-4o"),
        ] {
            assert_eq!(same, first);
        }
        let model = key(url, &[bearer, other], "gpt-4o-mini");
        assert!(model.credential == first.credential && model.target != first.target);
        for different in [
            key(url, &[bearer], "gpt-4o"),
            key(url, &[("x-api-key", "Bearer a"), ("authorization", "b")], "gpt-4o"),
            key("https://api.openai.com/v1/chat/completions?key=c", &[bearer, other], "gpt-4o"),
            key("https://api.openai.com:8443/v1/chat/completions", &[bearer, other], "gpt-4o"),
            key("http://api.openai.com/v1/chat/completions", &[bearer, other], "gpt-4o"),
            key("https://api.openai.org/v1/chat/completions", &[bearer, other], "gpt-4o"),
        ] {
            assert!(different.credential != first.credential && different.target != first.target);
        }
    }
}
