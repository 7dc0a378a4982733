//! The circuit of one target: closed, open or half-open. A pure state machine: the time and the random numbers come from
//! outside.

use std::time::{Duration, Instant};

use crate::circuits::CircuitState;

/// The settings of circuits.
#[derive(Debug, Clone)]
pub(in crate::middleware) struct CircuitLimits {
    /// So many failures in a row open it.
    pub(in crate::middleware) failures_in_a_row: u32,
    /// Such a part of failures within the window opens it …
    pub(in crate::middleware) failure_rate: f64,
    /// … of at least so many attempts.
    pub(in crate::middleware) at_least: u32,
    /// How long it is open at first; the time doubles with each probe that fails.
    pub(in crate::middleware) open_for: Duration,
    /// The longest time that it is open.
    pub(in crate::middleware) max_open_for: Duration,
}

impl Default for CircuitLimits {
    fn default() -> Self {
        CircuitLimits {
            failures_in_a_row: 5,
            failure_rate: 0.5,
            at_least: 20,
            open_for: Duration::from_secs(30),
            max_open_for: Duration::from_secs(300),
        }
    }
}

/// What an attempt says about its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::middleware) enum Outcome {
    Success,
    /// Transport, 5xx, a broken stream.
    Failure,
    /// The target works, and wants no more attempts for this long.
    CoolDown(Duration),
    /// Nothing: the request was wrong, or nobody waited for the answer.
    Neutral,
}

/// How much of a window each of its parts is.
const SLICE: Duration = Duration::from_secs(5);
const SLICES: usize = 12;

/// How much is added at most to the time that a circuit is open, as a part of it.
const JITTER: f64 = 0.1;

#[derive(Debug)]
enum State {
    Closed { in_a_row: u32 },
    Open { until: Instant },
    HalfOpen { probing: bool },
}

/// The right to make an attempt. A result under a permit from before the last change of state says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::middleware) struct Ticket {
    generation: u64,
    is_probe: bool,
}

/// A circuit.
#[derive(Debug)]
pub(in crate::middleware) struct Circuit {
    state: State,
    /// How often it has opened since it was last closed.
    openings: u32,
    /// Counts changes of state.
    generation: u64,
    cooling_until: Option<Instant>,
    window: Window,
}

impl Circuit {
    pub(in crate::middleware) fn new(now: Instant) -> Self {
        Circuit {
            state: State::Closed { in_a_row: 0 },
            openings: 0,
            generation: 0,
            cooling_until: None,
            window: Window::new(now),
        }
    }

    /// Returns a ticket for an attempt; `None` if attempts are to go elsewhere.
    pub(in crate::middleware) fn admit(&mut self, now: Instant) -> Option<Ticket> {
        if self.cooling_until.is_some_and(|until| now < until) {
            return None;
        }
        self.cooling_until = None;
        match &mut self.state {
            State::Closed { .. } => {}
            State::Open { until } if now < *until => return None,
            State::Open { .. } => {
                self.change(State::HalfOpen { probing: true });
                return Some(Ticket { generation: self.generation, is_probe: true });
            }
            State::HalfOpen { probing } => {
                if std::mem::replace(probing, true) {
                    return None;
                }
                return Some(Ticket { generation: self.generation, is_probe: true });
            }
        }
        Some(self.pass())
    }

    /// Returns a ticket for an attempt that has nowhere else to go, whatever the state.
    pub(in crate::middleware) fn pass(&self) -> Ticket {
        Ticket { generation: self.generation, is_probe: false }
    }

    /// Returns whether an attempt would be turned away.
    pub(in crate::middleware) fn is_open(&self, now: Instant) -> bool {
        match self.state(now) {
            CircuitState::Closed => false,
            CircuitState::Open | CircuitState::CoolingDown => true,
            CircuitState::HalfOpen => matches!(self.state, State::HalfOpen { probing: true }),
        }
    }

    /// Returns the state at `now`.
    pub(in crate::middleware) fn state(&self, now: Instant) -> CircuitState {
        match self.state {
            State::Open { until } if now < until => CircuitState::Open,
            _ if self.cooling_until.is_some_and(|until| now < until) => CircuitState::CoolingDown,
            State::Open { .. } | State::HalfOpen { .. } => CircuitState::HalfOpen,
            State::Closed { .. } => CircuitState::Closed,
        }
    }

    /// Returns when attempts are let through again; `None` if they are now.
    pub(in crate::middleware) fn until(&self, now: Instant) -> Option<Instant> {
        let open = if let State::Open { until } = self.state { Some(until) } else { None };
        open.max(self.cooling_until).filter(|until| now < *until)
    }

    /// Takes what became of the attempt of `ticket`. `random` is in `0.0..1.0`.
    pub(in crate::middleware) fn record(
        &mut self,
        limits: &CircuitLimits,
        ticket: Ticket,
        outcome: Outcome,
        now: Instant,
        random: f64,
    ) {
        if ticket.generation != self.generation {
            return;
        }
        match outcome {
            Outcome::Success => match &mut self.state {
                State::Closed { in_a_row } => {
                    *in_a_row = 0;
                    self.window.count(now, false);
                }
                // One that had nowhere else to go shows as well as a probe that the target works.
                State::Open { .. } | State::HalfOpen { .. } => self.close(now),
            },
            Outcome::Failure => match &mut self.state {
                State::Closed { in_a_row } => {
                    *in_a_row += 1;
                    let in_a_row = *in_a_row;
                    self.window.count(now, true);
                    let (attempts, failures) = self.window.sums();
                    let is_rate = attempts >= limits.at_least
                        && f64::from(failures) >= f64::from(attempts) * limits.failure_rate;
                    if in_a_row >= limits.failures_in_a_row || is_rate {
                        self.open(limits, now, random);
                    }
                }
                State::HalfOpen { .. } if ticket.is_probe => self.open(limits, now, random),
                State::Open { .. } | State::HalfOpen { .. } => {}
            },
            Outcome::CoolDown(delay) => {
                self.cooling_until = self.cooling_until.max(now.checked_add(delay));
                self.give_back(ticket);
            }
            Outcome::Neutral => self.give_back(ticket),
        }
    }

    /// Gives a probe's place back.
    fn give_back(&mut self, ticket: Ticket) {
        if let State::HalfOpen { probing } = &mut self.state
            && ticket.is_probe
        {
            *probing = false;
        }
    }

    fn open(&mut self, limits: &CircuitLimits, now: Instant, random: f64) {
        let doubled = 1_u32.checked_shl(self.openings).unwrap_or(u32::MAX);
        let open_for = limits.open_for.saturating_mul(doubled).min(limits.max_open_for);
        let open_for = open_for + open_for.mul_f64(JITTER * random);
        self.openings = self.openings.saturating_add(1).min(31);
        // A time beyond what the clock can tell never comes; a day does.
        let until = now.checked_add(open_for).unwrap_or(now + Duration::from_secs(86_400));
        self.change(State::Open { until });
    }

    fn close(&mut self, now: Instant) {
        self.openings = 0;
        self.window = Window::new(now);
        self.cooling_until = None;
        self.change(State::Closed { in_a_row: 0 });
    }

    fn change(&mut self, state: State) {
        self.state = state;
        self.generation += 1;
    }
}

/// Attempts and failures of the last 60 seconds.
#[derive(Debug)]
struct Window {
    started: Instant,
    slices: [(u32, u32); SLICES],
    last: u64,
}

impl Window {
    fn new(now: Instant) -> Self {
        Window { started: now, slices: [(0, 0); SLICES], last: 0 }
    }

    fn count(&mut self, now: Instant, failed: bool) {
        let elapsed = now.saturating_duration_since(self.started).as_secs() / SLICE.as_secs();
        let current = elapsed.max(self.last);
        for slice in (self.last + 1..=current).take(SLICES) {
            self.slices[(slice % SLICES as u64) as usize] = (0, 0);
        }
        self.last = current;
        let (attempts, failures) = &mut self.slices[(current % SLICES as u64) as usize];
        *attempts = attempts.saturating_add(1);
        *failures = failures.saturating_add(u32::from(failed));
    }

    fn sums(&self) -> (u32, u32) {
        let sum = |(a, f): (u32, u32), (attempts, failures): &(u32, u32)| {
            (a.saturating_add(*attempts), f.saturating_add(*failures))
        };
        self.slices.iter().fold((0, 0), sum)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Clock {
        circuit: Circuit,
        limits: CircuitLimits,
        start: Instant,
    }

    impl Clock {
        fn new() -> Self {
            let start = Instant::now();
            Clock { circuit: Circuit::new(start), limits: CircuitLimits::default(), start }
        }

        fn at(&self, seconds: u64) -> Instant {
            self.start + Duration::from_secs(seconds)
        }

        fn admit(&mut self, seconds: u64) -> Option<Ticket> {
            self.circuit.admit(self.at(seconds))
        }

        fn record(&mut self, seconds: u64, ticket: Ticket, outcome: Outcome) {
            let now = self.at(seconds);
            self.circuit.record(&self.limits, ticket, outcome, now, 0.0);
        }

        fn attempt(&mut self, seconds: u64, outcome: Outcome) -> bool {
            let Some(ticket) = self.admit(seconds) else { return false };
            self.record(seconds, ticket, outcome);
            true
        }

        fn state(&self, seconds: u64) -> CircuitState {
            self.circuit.state(self.at(seconds))
        }
    }

    use CircuitState::{Closed, CoolingDown, HalfOpen, Open};
    use Outcome::{CoolDown, Failure, Neutral, Success};

    #[test]
    fn five_failures_in_a_row_open_it_and_a_success_between_does_not() {
        let mut clock = Clock::new();
        for outcome in [Failure, Failure, Failure, Failure, Success, Failure, Failure, Failure, Failure] {
            assert!(clock.attempt(0, outcome));
        }
        assert_eq!(clock.state(0), Closed);
        // Wrong requests and cancelled ones say nothing either way.
        assert!(clock.attempt(0, Neutral));
        assert!(clock.attempt(0, Failure));
        assert_eq!(clock.state(0), Open);
        assert!(!clock.attempt(0, Success));
    }

    #[test]
    fn half_of_twenty_within_a_minute_open_it() {
        let mut clock = Clock::new();
        let outcomes = [Failure, Success].into_iter().cycle();
        for (second, outcome) in (0..19).zip(outcomes) {
            assert!(clock.attempt(second, outcome));
        }
        assert_eq!(clock.state(19), Closed, "19 are too few");
        assert!(clock.attempt(19, Failure));
        assert_eq!(clock.state(19), Open);
        let mut clock = Clock::new();
        for (number, outcome) in (0..40_u64).zip([Failure, Success].into_iter().cycle()) {
            assert!(clock.attempt(number * 4, outcome));
        }
        assert_eq!(clock.state(160), Closed, "never 20 within a minute");
    }

    #[test]
    fn many_wrong_requests_do_not_open_it() {
        let mut clock = Clock::new();
        assert!((0..100).all(|_| clock.attempt(0, Neutral)));
        assert_eq!(clock.state(0), Closed);
    }

    fn opened() -> Clock {
        let mut clock = Clock::new();
        (0..5).for_each(|_| assert!(clock.attempt(0, Failure)));
        clock
    }

    #[test]
    fn it_is_open_for_twice_as_long_after_each_probe_that_fails() {
        let mut clock = opened();
        let mut now = 0;
        for open_for in [30, 60, 120, 240, 300, 300] {
            assert_eq!((clock.state(now), clock.admit(now + open_for - 1)), (Open, None));
            now += open_for;
            assert_eq!(clock.state(now), HalfOpen);
            assert!(clock.attempt(now, Failure));
        }
        now += 300;
        assert!(clock.attempt(now, Success));
        assert_eq!(clock.state(now), Closed);
        (0..5).for_each(|_| assert!(clock.attempt(now, Failure)));
        assert_eq!(clock.state(now + 30), HalfOpen, "it begins anew");
    }

    #[test]
    fn a_dropped_probe_gives_its_place_back() {
        let mut clock = opened();
        let probe = clock.admit(30).unwrap();
        assert_eq!(clock.admit(31), None, "one at a time");
        clock.record(32, probe, Neutral);
        let next = clock.admit(33).unwrap();
        assert_eq!(clock.admit(34), None);
        clock.record(35, next, Success);
        assert_eq!(clock.state(35), Closed);
    }

    #[test]
    fn a_result_from_before_is_ignored() {
        let mut clock = Clock::new();
        let (early, late) = (clock.admit(0).unwrap(), clock.admit(0).unwrap());
        (0..5).for_each(|_| assert!(clock.attempt(0, Failure)));
        clock.record(1, early, Success);
        assert_eq!(clock.state(1), Open);
        let probe = clock.admit(30).unwrap();
        clock.record(30, late, Failure);
        assert_eq!(clock.state(30), HalfOpen);
        clock.record(31, probe, Success);
        assert_eq!(clock.state(31), Closed);
    }

    #[test]
    fn a_rate_limit_is_a_cooldown_for_as_long_as_the_server_says() {
        let mut clock = Clock::new();
        assert!(clock.attempt(0, CoolDown(Duration::from_secs(90))));
        assert_eq!((clock.state(89), clock.admit(89)), (CoolingDown, None));
        assert_eq!(clock.state(90), Closed);
        assert!(clock.attempt(90, Success));
    }

    #[test]
    fn calls_that_have_nowhere_else_to_go_pass_and_may_close_it() {
        let mut clock = opened();
        let ticket = clock.circuit.pass();
        clock.record(1, ticket, Failure);
        assert_eq!(clock.state(1), Open);
        assert_eq!(clock.circuit.until(clock.at(1)), Some(clock.at(30)), "no longer than it was");
        clock.record(2, ticket, Success);
        assert_eq!(clock.state(2), Closed);
    }

    proptest! {
        #[test]
        fn half_open_there_is_at_most_one_probe(
            steps in prop::collection::vec((0_u64..40, 0_usize..8, 0_u8..4), 0..200),
        ) {
            let mut clock = opened();
            let (mut now, mut flying) = (0, Vec::new());
            for (pause, which, what) in steps {
                now += pause;
                let outcome = match what {
                    0 => {
                        flying.extend(clock.admit(now));
                        None
                    }
                    1 => Some(Success),
                    2 => Some(Failure),
                    _ => Some(Neutral),
                };
                if let (Some(outcome), false) = (outcome, flying.is_empty()) {
                    let ticket = flying.remove(which % flying.len());
                    clock.record(now, ticket, outcome);
                }
                let generation = clock.circuit.generation;
                let probes = flying.iter().filter(|ticket| ticket.is_probe && ticket.generation == generation);
                let probes = probes.count();
                prop_assert!(probes <= 1);
                if let State::HalfOpen { probing } = clock.circuit.state {
                    prop_assert_eq!(probing, probes == 1, "a place that nobody holds is free");
                }
            }
        }
    }
}
