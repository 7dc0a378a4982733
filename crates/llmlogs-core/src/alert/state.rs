//! The states of one alert: quiet → pending → firing → quiet again.

use std::time::Duration;

use crate::health::UnixTime;

use super::settings::Settings;

/// The state of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// The rule is kept.
    Quiet,
    /// The rule is broken, and has been for less than the hold.
    Pending { since: UnixTime },
    /// A notice has been given, and the alert is not resolved.
    Firing(Firing),
}

/// An alert that fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Firing {
    pub(super) alert_id: String,
    pub(super) since: UnixTime,
    /// How many notices have been given.
    pub(super) notices: u64,
    last_notice: UnixTime,
    /// Since when the rule is kept again; `None` while it is broken.
    recovery: Option<Recovery>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Recovery {
    since: UnixTime,
    successes: u64,
}

/// What a step is worth a notice for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// The alert began to fire, or is repeated.
    Fired(Firing),
    Resolved(Firing),
}

/// What a step knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) now: UnixTime,
    /// Whether the rule is broken.
    pub(super) is_broken: bool,
    /// Whether it comes with a call that succeeded.
    pub(super) is_success: bool,
}

impl State {
    /// Takes a step; returns what it is worth a notice for. `next_id` names an alert that begins to fire.
    pub(super) fn step(
        &mut self,
        step: Step,
        settings: &Settings,
        next_id: impl FnOnce() -> String,
    ) -> Option<Change> {
        let Step { now, is_broken, is_success } = step;
        match self {
            State::Quiet if !is_broken => None,
            State::Quiet => {
                *self = State::Pending { since: now };
                self.fire_after_hold(now, settings, next_id)
            }
            State::Pending { .. } if !is_broken => {
                *self = State::Quiet;
                None
            }
            State::Pending { .. } => self.fire_after_hold(now, settings, next_id),
            State::Firing(firing) => {
                if is_broken {
                    firing.recovery = None;
                } else {
                    let recovery = firing.recovery.get_or_insert(Recovery { since: now, successes: 0 });
                    recovery.successes += u64::from(is_success);
                    if recovery.is_over(now, settings) {
                        firing.notices += 1;
                        let resolved = Change::Resolved(firing.clone());
                        *self = State::Quiet;
                        return Some(resolved);
                    }
                }
                let is_due = settings.repeat.is_some_and(|every| now >= firing.last_notice + every);
                is_due.then(|| {
                    firing.last_notice = now;
                    firing.notices += 1;
                    Change::Fired(firing.clone())
                })
            }
        }
    }

    fn fire_after_hold(
        &mut self,
        now: UnixTime,
        settings: &Settings,
        next_id: impl FnOnce() -> String,
    ) -> Option<Change> {
        let State::Pending { since } = *self else { return None };
        if now.saturating_sub(since) < settings.hold {
            return None;
        }
        let firing = Firing { alert_id: next_id(), since: now, notices: 1, last_notice: now, recovery: None };
        *self = State::Firing(firing.clone());
        Some(Change::Fired(firing))
    }

    /// Returns when time alone may change the state; `None` if it cannot. `slice` is how often a rule that looks at a
    /// window is looked at again while it is broken.
    pub(super) fn next_step(
        &self,
        now: UnixTime,
        settings: &Settings,
        slice: Option<Duration>,
    ) -> Option<UnixTime> {
        let again = slice.map(|slice| now + slice.max(Duration::from_secs(1)));
        let times = match self {
            State::Quiet => [None, None],
            State::Pending { since } => [Some(*since + settings.hold), again],
            State::Firing(firing) => {
                let repeat = settings.repeat.map(|every| firing.last_notice + every);
                let resolution = match &firing.recovery {
                    None => again,
                    Some(recovery) if recovery.successes >= settings.successes => {
                        Some(recovery.since + settings.quiet)
                    }
                    Some(_too_few) => None,
                };
                [repeat, resolution]
            }
        };
        times.into_iter().flatten().min()
    }
}

impl Recovery {
    fn is_over(&self, now: UnixTime, settings: &Settings) -> bool {
        self.successes >= settings.successes && now.saturating_sub(self.since) >= settings.quiet
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const START: UnixTime = s(1_700_000_000);

    fn settings() -> Settings {
        Settings { hold: s(10), successes: 2, quiet: s(30), repeat: Some(s(3600)), ..Settings::default() }
    }

    /// What a step of the table below does: the time, whether the rule is broken, whether a call succeeded.
    const BROKEN: (bool, bool) = (true, false);
    const KEPT: (bool, bool) = (false, false);
    const SUCCESS: (bool, bool) = (false, true);

    #[test]
    fn an_alert_fires_once_after_its_hold_is_repeated_and_resolved_once() {
        let table = [
            (0, KEPT, "quiet", ""),
            (1, BROKEN, "pending", ""),
            (5, SUCCESS, "quiet", ""),
            (6, BROKEN, "pending", ""),
            (15, BROKEN, "pending", ""),
            (16, BROKEN, "firing", "fired 1"),
            (17, BROKEN, "firing", ""),
            (100, KEPT, "firing", ""),
            // Time without successes is not enough, and a relapse begins anew.
            (200, KEPT, "firing", ""),
            (201, SUCCESS, "firing", ""),
            (202, BROKEN, "firing", ""),
            (203, SUCCESS, "firing", ""),
            (204, SUCCESS, "firing", ""),
            (232, SUCCESS, "firing", ""),
            (233, KEPT, "quiet", "resolved 2"),
            (234, KEPT, "quiet", ""),
            (300, BROKEN, "pending", ""),
            (310, BROKEN, "firing", "fired 1"),
            (310 + 3599, BROKEN, "firing", ""),
            (310 + 3600, BROKEN, "firing", "fired 2"),
            (310 + 3601, KEPT, "firing", ""),
            // Nobody hears that it still fires more often than that.
            (310 + 7200, KEPT, "firing", "fired 3"),
        ];
        let mut state = State::Quiet;
        let mut ids = 0;
        for (at, (is_broken, is_success), expected, change) in table {
            let step = Step { now: START + s(at), is_broken, is_success };
            let changed = state.step(step, &settings(), || {
                ids += 1;
                format!("a-{ids}")
            });
            let name = match &state {
                State::Quiet => "quiet",
                State::Pending { .. } => "pending",
                State::Firing(_) => "firing",
            };
            let changed = match changed {
                None => String::new(),
                Some(Change::Fired(firing)) => format!("fired {}", firing.notices),
                Some(Change::Resolved(firing)) => format!("resolved {}", firing.notices),
            };
            assert_eq!((name, changed.as_str()), (expected, change), "at {at}");
        }
        assert_eq!(ids, 2);
    }

    proptest! {
        #[test]
        fn notices_of_an_alert_begin_with_firing_and_end_with_its_only_resolution(
            steps in prop::collection::vec((0_u64..100, any::<bool>(), any::<bool>()), 0..300),
        ) {
            let mut state = State::Quiet;
            let mut now = START;
            let mut open: Option<(String, u64)> = None;
            let mut ids = 0;
            for (pause, is_broken, is_success) in steps {
                now += s(pause);
                let step = Step { now, is_broken, is_success };
                let change = state.step(step, &settings(), || { ids += 1; ids.to_string() });
                match change {
                    None => {}
                    Some(Change::Fired(firing)) => {
                        let (id, notices) = open.take().unwrap_or((firing.alert_id.clone(), 0));
                        prop_assert_eq!((&id, notices + 1), (&firing.alert_id, firing.notices));
                        open = Some((id, firing.notices));
                    }
                    Some(Change::Resolved(firing)) => {
                        prop_assert_eq!(open.take(), Some((firing.alert_id, firing.notices - 1)));
                    }
                }
                prop_assert_eq!(open.is_some(), matches!(state, State::Firing(_)));
                if let Some(next) = state.next_step(now, &settings(), None) {
                    prop_assert!(next >= now || is_broken || matches!(state, State::Firing(_)));
                }
            }
        }

        #[test]
        fn the_next_step_is_not_later_than_a_change(
            steps in prop::collection::vec((1_u64..100, any::<bool>(), any::<bool>()), 1..100),
        ) {
            let mut state = State::Quiet;
            let mut now = START;
            for (pause, is_broken, is_success) in steps {
                now += s(pause);
                state.step(Step { now, is_broken, is_success }, &settings(), || "a".to_owned());
                // Whatever time alone does happens at or after the next step.
                let next = state.next_step(now, &settings(), None);
                for later in [1_u64, 9, 10, 29, 30, 100, 3600] {
                    let mut alone = state.clone();
                    let step = Step { now: now + s(later), is_broken, is_success: false };
                    if alone.step(step, &settings(), || "b".to_owned()).is_some() {
                        prop_assert!(next.is_some_and(|next| next <= now + s(later)));
                    }
                }
            }
        }
    }
}
