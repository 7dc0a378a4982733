//! All rules and their alerts: finished calls and times go in, notices come out.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;

use crate::format::time::LocalTime;
use crate::format::{Alert, AlertError, AlertEvent, IndexEntry, Status};
use crate::health::{OTHER, UnixTime, Window, WindowStats};

use super::condition::{Facts, Finding};
use super::message::{elapsed, failure, measured, one_line};
use super::rule::Rule;
use super::scope::Each;
use super::state::{Change, Firing, State, Step};

/// How many values a rule tells apart; the calls of others share one alert.
pub const MAX_GROUPS: usize = 64;

/// The window of a rule moves in so many steps.
const SLICES: u32 = 60;

/// The rules of one recorder or one watched root.
#[derive(Debug)]
pub struct Machine {
    rules: Vec<WatchedRule>,
    /// What the ids of alerts begin with.
    prefix: String,
    session_id: String,
    alerts: u64,
    panics: u64,
}

/// A rule and its alerts.
#[derive(Debug)]
struct WatchedRule {
    rule: Rule,
    text: String,
    /// By the value that tells calls apart; `""` if nothing does.
    groups: BTreeMap<String, Group>,
}

/// Calls that are watched together.
#[derive(Debug)]
struct Group {
    window: Option<Window>,
    /// Failures since the last success.
    run: u64,
    last_call: UnixTime,
    last_error: Option<AlertError>,
    state: State,
    /// After a panic of the rule: when time alone may ask it again. Else it would panic at every tick.
    not_before: Option<UnixTime>,
}

impl Machine {
    /// Returns the machine of `rules`, which watch from `now` on. The ids of alerts begin with `prefix`, which no other
    /// machine of the root has; `session_id` is that of the calls, or `""` if they come from several sessions.
    #[must_use]
    pub fn new(rules: Vec<Rule>, prefix: &str, session_id: &str, now: UnixTime) -> Self {
        let rules = rules.into_iter().map(|rule| {
            let mut groups = BTreeMap::new();
            if rule.scope.each.is_none() {
                groups.insert(String::new(), Group::new(&rule, now));
            }
            WatchedRule { text: rule.to_string(), rule, groups }
        });
        Machine {
            rules: rules.collect(),
            prefix: prefix.to_owned(),
            session_id: session_id.to_owned(),
            alerts: 0,
            panics: 0,
        }
    }

    /// Takes a finished call, which ended at `at`; returns the notices that it causes.
    pub fn observe(&mut self, call: &IndexEntry, at: UnixTime, now: UnixTime) -> Vec<Alert> {
        self.each_rule(|watched, out| {
            if !watched.rule.scope.matches(call) {
                return;
            }
            let name = watched.group_of(call, now);
            let WatchedRule { rule, groups, .. } = watched;
            let group = groups.entry(name.clone()).or_insert_with(|| Group::new(rule, now));
            group.add(call, at, now);
            watched.step(&name, now, call.status == Status::Ok, out);
        })
    }

    /// Takes note of the time; returns the notices that it causes.
    pub fn tick(&mut self, now: UnixTime) -> Vec<Alert> {
        self.each_rule(|watched, out| {
            let names: Vec<String> = watched.groups.keys().cloned().collect();
            for name in names {
                watched.step(&name, now, false, out);
            }
        })
    }

    fn each_rule(&mut self, mut visit: impl FnMut(&mut WatchedRule, &mut Notices<'_>)) -> Vec<Alert> {
        let Machine { rules, prefix, session_id, alerts, panics } = self;
        let mut out = Notices { prefix, session_id, alerts, panics, notices: Vec::new() };
        rules.iter_mut().for_each(|watched| visit(watched, &mut out));
        out.notices
    }

    /// Returns when time alone may cause a notice; `None` if it cannot.
    #[must_use]
    pub fn next_tick(&self, now: UnixTime) -> Option<UnixTime> {
        let of = |watched: &WatchedRule| {
            let times = watched.groups.values().filter_map(|group| {
                let slice = group.window.as_ref().map(Window::slice);
                let change = group.state.next_step(now, &watched.rule.settings, slice);
                let silence = watched.rule.condition.silence().filter(|_| group.state == State::Quiet);
                let silence = silence.map(|span| group.last_call + span + Duration::from_millis(1));
                let next = change.into_iter().chain(silence).min()?;
                Some(group.not_before.map_or(next, |not_before| next.max(not_before)))
            });
            times.min()
        };
        self.rules.iter().filter_map(of).min()
    }

    /// Returns how often a rule panicked.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.panics
    }
}

/// What comes out.
struct Notices<'m> {
    prefix: &'m str,
    session_id: &'m str,
    alerts: &'m mut u64,
    panics: &'m mut u64,
    notices: Vec<Alert>,
}

impl Group {
    fn new(rule: &Rule, now: UnixTime) -> Self {
        Group {
            window: rule.condition.window().map(|span| Window::new(span, SLICES)),
            run: 0,
            last_call: now,
            last_error: None,
            state: State::Quiet,
            not_before: None,
        }
    }

    fn add(&mut self, call: &IndexEntry, at: UnixTime, now: UnixTime) {
        if let Some(window) = &mut self.window {
            window.add(call, at, now);
        }
        self.last_call = self.last_call.max(at.min(now));
        match call.status {
            Status::Ok => self.run = 0,
            Status::Cancelled => {}
            Status::Error => {
                self.run += 1;
                self.last_error = Some(AlertError {
                    call_id: call.call_id.clone(),
                    error_type: call.error_type.clone(),
                    http_status: call.http_status,
                    error_message: call.error_message.clone(),
                });
            }
        }
    }
}

impl WatchedRule {
    /// Returns the name of the call's group; that of the others if there are too many groups.
    fn group_of(&mut self, call: &IndexEntry, now: UnixTime) -> String {
        let name = self.rule.scope.group(call);
        if self.groups.contains_key(&name) || self.groups.len() < MAX_GROUPS {
            return name;
        }
        // A group that nothing has been heard of within its window makes room.
        let span = self.rule.condition.window().or_else(|| self.rule.condition.silence());
        let span = span.unwrap_or(Duration::from_secs(3600));
        let idle = self.groups.iter().find(|(name, group)| {
            group.state == State::Quiet && group.last_call + span < now && name.as_str() != OTHER
        });
        match idle.map(|(name, _)| name.clone()) {
            Some(idle) => {
                self.groups.remove(&idle);
                name
            }
            None => OTHER.to_owned(),
        }
    }

    /// Looks at a group's calls and takes a step.
    fn step(&mut self, name: &str, now: UnixTime, is_success: bool, out: &mut Notices<'_>) {
        let WatchedRule { rule, groups, text } = self;
        let Some(group) = groups.get_mut(name) else { return };
        let stats = match &group.window {
            None => WindowStats::default(),
            Some(window) if rule.condition.needs_durations() => window.stats(Duration::MAX, now),
            Some(window) => window.counts(now),
        };
        let facts = Facts { run: group.run, silence: now.saturating_sub(group.last_call) };
        let check = || rule.condition.check(&stats, facts, &rule.settings);
        // Only a rule of the user's own runs foreign code.
        let Ok(finding) = catch_unwind(AssertUnwindSafe(check)) else {
            *out.panics += 1;
            group.not_before = rule.condition.window().map(|window| now + window);
            return;
        };
        group.not_before = None;
        let step = Step { now, is_broken: finding.is_broken, is_success };
        let change = group.state.step(step, &rule.settings, || {
            *out.alerts += 1;
            format!("{}-{}", out.prefix, out.alerts)
        });
        let (event, firing) = match change {
            None => return,
            Some(Change::Fired(firing)) => (AlertEvent::Firing, firing),
            Some(Change::Resolved(firing)) => (AlertEvent::Resolved, firing),
        };
        out.notices.push(alert(
            Noticed { rule, text, name, group, stats: &stats, finding, event, firing, now },
            out.session_id,
        ));
    }
}

/// What a notice is made of.
struct Noticed<'a> {
    rule: &'a Rule,
    text: &'a str,
    name: &'a str,
    group: &'a Group,
    stats: &'a WindowStats,
    finding: Finding,
    event: AlertEvent,
    firing: Firing,
    now: UnixTime,
}

fn alert(noticed: Noticed<'_>, session_id: &str) -> Alert {
    let Noticed { rule, text, name, group, stats, finding, event, firing, now } = noticed;
    let scope = &rule.scope;
    let mut provider = scope.provider.clone().unwrap_or_default();
    let mut model = scope.model.clone().unwrap_or_default();
    let mut context: serde_json::Map<String, Value> =
        scope.context.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    match &scope.each {
        None => {}
        Some(Each::Provider) => name.clone_into(&mut provider),
        Some(Each::Model) => name.clone_into(&mut model),
        Some(Each::Context(field)) => drop(context.insert(field.clone(), name.into())),
    }
    let firing_for = now.saturating_sub(firing.since);
    let (calls, errors) = match &group.window {
        Some(_) => (stats.calls(), stats.errors),
        None => (group.run, group.run),
    };
    let mut message = String::new();
    if event == AlertEvent::Resolved {
        message.push_str(&format!("resolved after {}: ", elapsed(firing_for)));
    }
    message.push_str(&measured(&rule.condition, &finding, stats));
    let mut watched: Vec<String> =
        [&provider, &model].into_iter().filter(|name| !name.is_empty()).map(|name| one_line(name)).collect();
    watched.extend(context.iter().map(|(name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        one_line(&format!("{name} {value}"))
    }));
    if !watched.is_empty() {
        message.push_str(&format!(" ({})", watched.join(", ")));
    }
    if event == AlertEvent::Firing
        && let Some(error) = &group.last_error
    {
        message.push_str(&format!("; last: {}", failure(error)));
    }
    let (now, since) = (UNIX_EPOCH + now, UNIX_EPOCH + firing.since);
    Alert {
        alert_id: firing.alert_id,
        event,
        timestamp: LocalTime::of(now).unix(),
        at: LocalTime::of(now).rfc3339(),
        since: LocalTime::of(since).rfc3339(),
        firing_ms: u64::try_from(firing_for.as_millis()).unwrap_or(u64::MAX),
        notice: firing.notices,
        rule: text.to_owned(),
        provider,
        model,
        context,
        value: finding.value,
        limit: finding.limit,
        unit: finding.unit,
        message,
        calls,
        errors,
        last_error: group.last_error.clone(),
        session_id: session_id.to_owned(),
        channel: String::new(),
        reason: String::new(),
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

    /// A machine and its clock.
    struct Run {
        machine: Machine,
        now: UnixTime,
        notices: Vec<Alert>,
    }

    impl Run {
        fn new(rules: Vec<Rule>) -> Self {
            Run { machine: Machine::new(rules, "s", "s", START), now: START, notices: Vec::new() }
        }

        fn call(&mut self, status: Status) -> &mut Self {
            self.entry(&entry("gpt-4o", status))
        }

        fn entry(&mut self, entry: &IndexEntry) -> &mut Self {
            self.notices.extend(self.machine.observe(entry, self.now, self.now));
            self
        }

        /// Lets time pass; the machine is ticked when it asks for it.
        fn wait(&mut self, seconds: u64) -> &mut Self {
            let end = self.now + s(seconds);
            while let Some(next) = self.machine.next_tick(self.now).filter(|next| *next <= end) {
                assert!(
                    next > self.now || self.machine.tick(self.now).is_empty(),
                    "a tick that does nothing"
                );
                self.now = next.max(self.now + Duration::from_millis(1));
                self.notices.extend(self.machine.tick(self.now));
            }
            self.now = end;
            self
        }

        fn told(&mut self) -> Vec<String> {
            let told = self.notices.iter().map(|alert| format!("{:?}: {}", alert.event, alert.message));
            let told = told.collect();
            self.notices.clear();
            told
        }
    }

    fn entry(model: &str, status: Status) -> IndexEntry {
        let failed = status == Status::Error;
        IndexEntry {
            call_id: "call_1".into(),
            provider: "openai".into(),
            model: model.into(),
            status,
            latency_ms: 1000,
            total_tokens: 1000,
            total_cost: 0.5,
            currency: "USD".into(),
            http_status: Some(if failed { 429 } else { 200 }),
            error_type: if failed { "RateLimitError".into() } else { String::new() },
            error_message: if failed { "slow\ndown".into() } else { String::new() },
            ..IndexEntry::default()
        }
    }

    #[test]
    fn failures_in_a_row_fire_once_and_resolve_once() {
        let mut run = Run::new(vec![Rule::failures_in_a_row(3)]);
        run.call(Status::Error).call(Status::Error).call(Status::Ok).call(Status::Error).call(Status::Error);
        run.call(Status::Cancelled);
        assert_eq!(run.told(), [""; 0]);
        for _ in 0..50 {
            run.call(Status::Error).wait(1);
        }
        let first = run.notices[0].clone();
        assert_eq!(run.told(), ["Firing: 3 calls in a row failed; last: RateLimitError 429: slow down"]);
        assert_eq!((first.value, first.limit, &*first.unit, first.notice), (3.0, 3.0, "calls", 1));
        assert_eq!((&*first.alert_id, &*first.session_id), ("s-1", "s"));
        run.call(Status::Ok).wait(100).call(Status::Ok).wait(100);
        assert_eq!(run.told(), [""; 0], "two successes are not enough");
        run.call(Status::Ok);
        let resolved = run.notices[0].clone();
        assert_eq!(run.told(), ["Resolved: resolved after 4m10s: the last call succeeded"]);
        assert_eq!((resolved.alert_id, resolved.firing_ms, resolved.notice), (first.alert_id, 250_000, 2));
        run.wait(10 * 3600);
        assert_eq!(run.told(), [""; 0]);
    }

    #[test]
    fn successes_resolve_after_the_quiet_time_without_another_call() {
        let mut run = Run::new(vec![Rule::failures_in_a_row(1)]);
        run.call(Status::Error).wait(1).call(Status::Ok).call(Status::Ok).call(Status::Ok).wait(29);
        assert_eq!(run.notices.len(), 1);
        run.wait(1);
        assert_eq!(run.notices.len(), 2);
    }

    #[test]
    fn a_failure_rate_needs_enough_calls_and_falls_with_the_window() {
        let mut run = Run::new(vec![Rule::failure_rate(0.2, s(300)).at_least(20)]);
        for _ in 0..10 {
            run.call(Status::Error);
        }
        assert_eq!(run.told(), [""; 0]);
        for _ in 0..10 {
            run.call(Status::Ok);
        }
        assert_eq!(
            run.told(),
            ["Firing: 10 of 20 calls in 5m failed, 50% (limit 20%); last: RateLimitError 429: slow down"]
        );
        for _ in 0..40 {
            run.wait(10).call(Status::Ok);
        }
        let told = run.told();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("Resolved: resolved after "), "{told:?}");
    }

    #[test]
    fn what_is_still_broken_is_told_again_after_four_hours() {
        let mut run = Run::new(vec![Rule::failures_in_a_row(1)]);
        run.call(Status::Error).wait(4 * 3600 - 1);
        assert_eq!(run.told().len(), 1);
        run.wait(1);
        let again = run.notices[0].clone();
        assert_eq!((run.told().len(), again.notice, again.firing_ms), (1, 2, 4 * 3_600_000));
        run.wait(24 * 3600);
        assert_eq!(run.told().len(), 6);
    }

    #[test]
    fn budgets_latencies_and_silence() {
        let mut run = Run::new(vec![
            Rule::cost(2.0, "USD", s(3600)),
            Rule::tokens(4500, s(3600)),
            Rule::latency(95.0, Duration::from_millis(1500), s(60)).at_least(5),
            Rule::silence(s(600)),
        ]);
        for _ in 0..6 {
            run.call(Status::Ok);
        }
        assert_eq!(
            run.told(),
            ["Firing: 2.50 USD spent in 1h (limit 2 USD)", "Firing: 5000 tokens used in 1h (limit 4500)",]
        );
        let slow = IndexEntry { latency_ms: 9000, ..entry("gpt-4o", Status::Ok) };
        run.entry(&slow);
        assert_eq!(run.told(), ["Firing: p95 of latency in 1m is 8.7s (limit 1500ms)"]);
        run.wait(600);
        let told = run.told();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("is 0ms (limit 1500ms)") && told[0].starts_with("Resolved"), "{told:?}");
        run.wait(1);
        assert_eq!(run.told(), ["Firing: no call has ended for 10m00s (limit 10m)"]);
    }

    #[test]
    fn a_silence_fires_by_time_alone_and_ends_with_a_call() {
        let mut run = Run::new(vec![Rule::silence(s(600))]);
        run.wait(600);
        assert_eq!(run.told(), [""; 0]);
        run.wait(1);
        assert_eq!(run.told(), ["Firing: no call has ended for 10m00s (limit 10m)"]);
        run.wait(60).call(Status::Error);
        assert_eq!(run.told(), ["Resolved: resolved after 1m00s: a call has ended"]);
    }

    #[test]
    fn each_model_has_an_alert_of_its_own() {
        let mut run =
            Run::new(vec![Rule::failures_in_a_row(2).each_model(), Rule::failures_in_a_row(2).model("b*")]);
        for model in ["a", "b", "a", "b"] {
            run.entry(&entry(model, Status::Error)).entry(&entry("c", Status::Ok));
        }
        let models: Vec<_> =
            run.notices.iter().map(|alert| (alert.model.clone(), alert.rule.clone())).collect();
        let each = "in_a_row>=2 each=model".to_owned();
        assert_eq!(
            models,
            [("a".into(), each.clone()), ("b".into(), each), ("b*".into(), "in_a_row>=2 model=b*".into())]
        );
    }

    #[test]
    fn a_thousand_models_do_not_take_a_thousand_windows() {
        let mut run = Run::new(vec![Rule::failure_rate(0.5, s(60)).each_model().at_least(1)]);
        for model in 0..1000 {
            run.entry(&entry(&format!("m{model}"), Status::Error));
        }
        assert_eq!(run.machine.rules[0].groups.len(), MAX_GROUPS + 1);
        run.wait(3600);
        for model in 0..1000 {
            run.entry(&entry(&format!("n{model}"), Status::Ok));
        }
        assert!(run.machine.rules[0].groups.len() <= MAX_GROUPS + 1);
    }

    #[test]
    fn a_rule_that_panics_is_counted_and_the_others_go_on() {
        let mut run = Run::new(vec![
            Rule::custom("bad", s(60), |_| panic!("a bug of the user's")),
            Rule::custom("too dear", s(60), |stats| stats.cost.values().sum::<f64>() > 0.9),
            Rule::failures_in_a_row(2),
        ]);
        run.call(Status::Error).call(Status::Error);
        assert_eq!(run.machine.panics(), 2);
        let told = run.told();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            told[0].starts_with("Firing: too dear") && told[1].starts_with("Firing: 2 calls"),
            "{told:?}"
        );
    }

    #[test]
    fn a_rule_that_panicked_while_it_was_broken_was_asked_again_without_a_pause() {
        let rule = Rule::custom("bad", s(60), |stats| {
            assert!(stats.calls() < 2, "a bug of the user's");
            true
        });
        let mut run = Run::new(vec![rule.hold(s(10))]);
        run.call(Status::Ok).call(Status::Ok);
        assert_eq!(run.machine.panics(), 1);
        run.wait(59);
        assert_eq!(run.machine.panics(), 1);
        // Once more when the window has passed; then there is no call in it.
        run.wait(1000);
        assert_eq!((run.machine.panics(), run.told().len()), (2, 0));
    }

    proptest! {
        #[test]
        fn whatever_happens_each_alert_fires_first_and_resolves_at_most_once(
            calls in prop::collection::vec((0_u64..400, 0..3), 0..200),
        ) {
            let mut run = Run::new(vec![
                Rule::failures_in_a_row(3).hold(s(20)),
                Rule::failure_rate(0.3, s(300)),
                Rule::silence(s(200)),
                Rule::tokens(5000, s(600)).repeat(s(700)),
            ]);
            for (pause, status) in calls {
                run.wait(pause).call([Status::Ok, Status::Error, Status::Cancelled][status as usize]);
            }
            let mut open: BTreeMap<String, u64> = BTreeMap::new();
            let mut last = START;
            for alert in &run.notices {
                let at = Duration::from_secs_f64(alert.timestamp + 0.001);
                prop_assert!(at >= last);
                last = at.saturating_sub(Duration::from_millis(2));
                let notices = open.entry(alert.alert_id.clone()).or_default();
                prop_assert_eq!(alert.notice, *notices + 1);
                prop_assert!(alert.event == AlertEvent::Firing || *notices > 0);
                *notices = if alert.event == AlertEvent::Resolved { u64::MAX - 1 } else { alert.notice };
            }
        }
    }
}
