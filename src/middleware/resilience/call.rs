//! The loop over a call's attempts.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Request, Response};
use reqwest_middleware::{Error, Next, Result};

use crate::instrument;
use crate::middleware::breaker::{Admission, Outcome, Permit};
use crate::middleware::retry::{Attempts, Circumstances, FailedAttempt, FailureKind, Step, Verdict};
use crate::warn::WarnOnce;
use llmlogs_core::capture::{CallGroup, Decision, Endpoint, ErrorType, Failure, TimeAnchor};

use super::errors::{CircuitOpenError, DeadlineError};
use super::held::Held;
use super::look::{Accepted, Look, Looked, look};
use super::outcome::outcome;
use super::recording::{Attempt, Failed, Recording};
use super::targets::{Describe, Fallbacks, NextTarget, Target};
use super::two_loops::Repetition;
use super::watch::Watch;
use super::{Resilience, two_loops, wait};

/// A call whose failures something is done about.
pub(in crate::middleware) struct ActingCall<'a> {
    pub(in crate::middleware) resilience: &'a Resilience,
    pub(in crate::middleware) describe: &'a dyn Describe,
    pub(in crate::middleware) endpoint: Arc<Endpoint>,
    /// The model that the request asks for; empty if it names none.
    pub(in crate::middleware) model: Arc<str>,
    /// Whether the request's body is in memory, so that it can be sent again.
    pub(in crate::middleware) is_repeatable: bool,
    /// Whether the request asks for a stream.
    pub(in crate::middleware) is_stream: bool,
    /// The group of the call that the request was sent for before, else that of its call.
    pub(in crate::middleware) group: CallGroup,
    pub(in crate::middleware) recording: Recording,
    pub(in crate::middleware) extensions: &'a mut http::Extensions,
    pub(in crate::middleware) next: Next<'a>,
}

impl ActingCall<'_> {
    /// Sends `request` as often as it takes, or to another target, and returns the result of the last attempt.
    pub(in crate::middleware) async fn run(self, request: Request) -> Result<Response> {
        let ActingCall {
            resilience,
            describe,
            endpoint,
            model,
            is_repeatable,
            is_stream,
            group,
            recording,
            extensions,
            next,
        } = self;
        let (key, started) = (resilience.targets.key(&request, &model), Instant::now());
        let mut call = Running {
            resilience,
            fallbacks: Fallbacks::new(resilience, describe),
            first: if is_repeatable { request.try_clone() } else { None },
            own: Target { endpoint, model, key },
            other: None,
            attempts: Attempts::new(started),
            started,
            waited: Duration::ZERO,
            has_history: false,
            group,
            repeated: Repetition::default(),
            recording,
        };
        call.notice_other_loops();
        let (mut request, mut permit) = match call.choose(request) {
            Ok(chosen) => chosen,
            Err(error) => return call.refuse(error),
        };
        loop {
            let attempt = call.begin();
            let look = {
                // Pinned here: it is large, and each wrapper around it would move it once more.
                let exchange = pin!(async {
                    match next.clone().run(request, &mut *extensions).await {
                        Ok(response) => {
                            let doubts = resilience.is_looking;
                            look(response, &attempt.endpoint, is_stream, doubts, &resilience.retry).await
                        }
                        Err(error) => Look::Failed(Box::new(Looked::of_error(error))),
                    }
                });
                call.recording.inside(wait::until(call.deadline(), exchange)).await
            };
            match look {
                None => {
                    permit.finish(Outcome::Failure);
                    return call.give_up(&attempt);
                }
                Some(Look::Accepted(accepted)) => {
                    return Ok(call.accept(&attempt, accepted, is_stream, permit).await);
                }
                Some(Look::Failed(looked)) => {
                    match Box::pin(call.after_failure(attempt, *looked, permit)).await {
                        After::Again(again, admitted) => (request, permit) = (again, admitted),
                        After::Done(result) => return result,
                    }
                }
            }
        }
    }
}

/// What happens after an attempt that failed.
enum After {
    Again(Request, Permit),
    Done(Result<Response>),
}

/// A call between its attempts.
struct Running<'a> {
    resilience: &'a Resilience,
    fallbacks: Fallbacks<'a>,
    /// The caller's own request, to be sent again; `None` if it cannot be.
    first: Option<Request>,
    /// Where that goes.
    own: Target,
    /// The request of a fallback and where it goes, once there is one.
    other: Option<(Request, Target)>,
    attempts: Attempts,
    started: Instant,
    /// How long it was waited before the next attempt.
    waited: Duration,
    /// Whether there is something to record about attempts, even if the next one succeeds.
    has_history: bool,
    group: CallGroup,
    /// What of this call somebody else repeats.
    repeated: Repetition,
    recording: Recording,
}

impl Running<'_> {
    fn target(&self) -> &Target {
        self.other.as_ref().map_or(&self.own, |(_, target)| target)
    }

    fn deadline(&self) -> Option<Instant> {
        self.started.checked_add(self.resilience.retry.limits.deadline?)
    }

    /// Returns the bytes that a call is known by.
    fn body(&self) -> &[u8] {
        self.first.as_ref().and_then(|first| first.body()?.as_bytes()).unwrap_or_default()
    }

    /// Says so if somebody else repeats this call.
    fn notice_other_loops(&mut self) {
        let Resilience { failed_calls, is_looking, .. } = self.resilience;
        if *is_looking {
            self.repeated =
                failed_calls.repetition(self.group, self.own.key.target, self.body(), self.started);
        }
        if self.repeated.is_loop() {
            two_loops::warn("a request comes again after all its attempts have failed");
        }
    }

    /// Notes a call whose last attempt failed although it was worth another one.
    fn note_failed(&self, looked: &Looked) {
        if looked.judged.verdict == Verdict::Retry {
            let (calls, key) = (&self.resilience.failed_calls, self.own.key);
            calls.failed(self.group, key.target, self.body(), self.repeated, Instant::now());
        }
        if let Failed::Error(Error::Middleware(error)) = &looked.failed
            && error.to_string().starts_with("Request failed after")
        {
            two_loops::warn("a middleware below has retries of its own");
        }
    }

    /// Chooses the first target: the call's own unless its circuit is open.
    fn choose(&mut self, request: Request) -> std::result::Result<(Request, Permit), CircuitOpenError> {
        let (resilience, own, now) = (self.resilience, &self.own, self.started);
        match resilience.targets.admit(own.key, own.label(), now) {
            Admission::Admitted(permit) => {
                resilience.targets.count_call(own.key, now);
                return Ok((request, permit));
            }
            Admission::Refused => {}
        }
        let refused = Looked::of_kind(FailureKind::CircuitOpen);
        let (endpoint, model) = (Arc::clone(&own.endpoint), Arc::clone(&own.model));
        let view = refused.view(0, &endpoint.provider, &model);
        let (next, mut skipped) = self.next_target(&view);
        skipped.insert(0, (Arc::clone(&endpoint), Arc::clone(&model)));
        if let Some(next) = next {
            self.record_skipped(skipped);
            return Ok(self.change_target(next));
        }
        if resilience.targets.fails_fast() {
            self.record_skipped(skipped);
            let (provider, model) = (endpoint.provider.to_string(), model.to_string());
            return Err(CircuitOpenError { provider, model });
        }
        let own = &self.own;
        let permit = resilience.targets.pass(own.key, own.label(), now);
        resilience.targets.count_call(own.key, now);
        Ok((request, permit))
    }

    fn record_skipped(&mut self, skipped: Vec<(Arc<Endpoint>, Arc<str>)>) {
        for (endpoint, model) in skipped {
            self.has_history = true;
            self.recording.skipped(endpoint, model);
        }
    }

    /// Returns the next fallback that may be asked after `failed`, and those that may not because their circuits are open.
    #[allow(clippy::type_complexity, reason = "used within this file alone")]
    fn next_target(
        &mut self,
        failed: &FailedAttempt<'_>,
    ) -> (Option<NextTarget>, Vec<(Arc<Endpoint>, Arc<str>)>) {
        let mut skipped = Vec::new();
        let left = self.other.as_ref().map_or(&self.own, |(_, target)| target);
        let next = self.first.as_ref().and_then(|first| {
            self.fallbacks.next(first, &self.own, left, failed, |target| {
                skipped.push((target.endpoint, target.model));
            })
        });
        (next, skipped)
    }

    /// Goes on to another target; returns its request and the permit to send it.
    fn change_target(&mut self, next: NextTarget) -> (Request, Permit) {
        let NextTarget { request, target, permit } = next;
        self.resilience.targets.count_call(target.key, Instant::now());
        self.attempts.change_target();
        self.waited = Duration::ZERO;
        let again = request.try_clone();
        self.other = again.map(|again| (again, target));
        (request, permit)
    }

    /// Counts an attempt, which is about to be made.
    fn begin(&mut self) -> Attempt {
        self.attempts.begin();
        let target = self.target();
        let attempt = Attempt {
            started: TimeAnchor::now(),
            endpoint: Arc::clone(&target.endpoint),
            model: Arc::clone(&target.model),
            waited: self.waited,
        };
        if self.has_history {
            self.recording.begin(&attempt);
        }
        attempt
    }

    async fn after_failure(&mut self, attempt: Attempt, mut looked: Looked, permit: Permit) -> After {
        let (resilience, key) = (self.resilience, self.target().key);
        self.last_word(&attempt, &mut looked);
        permit.finish(outcome(&looked.judged, resilience.targets.credential_cooldown()));
        let now = Instant::now();
        if looked.judged.kind.is_of_the_credential() && looked.judged.verdict != Verdict::Accept {
            resilience.targets.cool_credential(key, now);
        }
        let limits = &resilience.retry.limits;
        let may_fall_back = self.first.is_some()
            && self.attempts.total() < limits.max_total_attempts
            && self.deadline().is_none_or(|deadline| now < deadline);
        if looked.judged.verdict == Verdict::Retry
            && may_fall_back
            && resilience.targets.is_open(key, now)
            && let Some(after) = self.fall_back(&attempt, &looked)
        {
            return after;
        }
        let circumstances = Circumstances {
            now,
            random: resilience.targets.random(),
            is_repeatable: self.first.is_some(),
            take_retry: || resilience.targets.take_retry(key, now),
        };
        match self.attempts.after_failure(limits, &resilience.retry.backoff, &looked.judged, circumstances) {
            Step::Retry(delay) => self.wait_and_retry(attempt, looked, delay).await,
            Step::Elsewhere(decision) => match self.fall_back(&attempt, &looked) {
                Some(after) => after,
                None => {
                    self.note_failed(&looked);
                    After::Done(self.finish(&attempt, decision, looked.failed).await)
                }
            },
            Step::Return(decision) => {
                self.note_failed(&looked);
                After::Done(self.finish(&attempt, decision, looked.failed).await)
            }
        }
    }

    /// Lets the user's function change the verdict.
    fn last_word(&self, attempt: &Attempt, looked: &mut Looked) {
        let Some(when) = &self.resilience.retry.when else {
            return;
        };
        let verdict = looked.judged.verdict;
        let view = looked.view(self.attempts.total(), &attempt.endpoint.provider, &attempt.model);
        match catch_unwind(AssertUnwindSafe(|| when(&view, verdict))) {
            Ok(verdict) => looked.judged.verdict = verdict,
            Err(_panic) => {
                static PANICKED: WarnOnce = WarnOnce::new();
                PANICKED.once(format_args!(
                    "the function given to `Retry::when` panicked; its verdict does not count"
                ));
            }
        }
    }

    /// Goes on to the next fallback, if there is one.
    fn fall_back(&mut self, attempt: &Attempt, looked: &Looked) -> Option<After> {
        let view = looked.view(self.attempts.total(), &attempt.endpoint.provider, &attempt.model);
        let (next, skipped) = self.next_target(&view);
        let next = next.map(|next| {
            self.recording.attempt(attempt, Decision::Fallback, &looked.failed);
            self.has_history = true;
            self.change_target(next)
        });
        self.record_skipped(skipped);
        next.map(|(request, permit)| After::Again(request, permit))
    }

    async fn wait_and_retry(&mut self, attempt: Attempt, looked: Looked, delay: Duration) -> After {
        self.recording.attempt(&attempt, Decision::Retry, &looked.failed);
        self.has_history = true;
        self.recording.pause();
        let view = looked.view(self.attempts.total(), &attempt.endpoint.provider, &attempt.model);
        let again = match &self.other {
            Some((request, _)) => request.try_clone(),
            None => self.first.as_ref().and_then(Request::try_clone),
        };
        let Some(request) = again else {
            // Not reached: a request without a copy is not repeated.
            return After::Done(self.finish(&attempt, Decision::Final, looked.failed).await);
        };
        let kind = view.kind;
        // The response goes first, and its connection with it.
        drop(looked);
        let before = Instant::now();
        wait::sleep(delay).await;
        let now = Instant::now();
        self.waited = now.saturating_duration_since(before);
        let (targets, target) = (&self.resilience.targets, self.target());
        match targets.admit(target.key, target.label(), now) {
            Admission::Admitted(permit) => After::Again(request, permit),
            Admission::Refused => {
                // It opened meanwhile.
                let (endpoint, model) = (Arc::clone(&target.endpoint), Arc::clone(&target.model));
                let refused = Looked::of_kind(kind);
                let view = refused.view(self.attempts.total(), &endpoint.provider, &model);
                let (next, mut skipped) = self.next_target(&view);
                if let Some(next) = next {
                    skipped.insert(0, (endpoint, model));
                    self.record_skipped(skipped);
                    let (request, permit) = self.change_target(next);
                    return After::Again(request, permit);
                }
                self.record_skipped(skipped);
                let target = self.target();
                After::Again(request, targets.pass(target.key, target.label(), now))
            }
        }
    }

    /// Ends the call with what the last attempt left.
    async fn finish(&mut self, attempt: &Attempt, decision: Decision, failed: Failed) -> Result<Response> {
        if self.resilience.is_looking || self.has_history {
            self.recording.last(attempt, decision);
        }
        let recording = std::mem::replace(&mut self.recording, Recording::Nothing);
        match failed {
            Failed::Response(held) => Ok(recording.opened(held.into_opened(None)).await),
            Failed::Error(error) => {
                let failure = instrument::request_failure(&error);
                recording.error(error, failure)
            }
        }
    }

    /// Ends the call with a response.
    async fn accept(
        &mut self,
        attempt: &Attempt,
        accepted: Accepted,
        is_stream: bool,
        permit: Permit,
    ) -> Response {
        if self.has_history {
            self.recording.last(attempt, Decision::Final);
        }
        let recording = std::mem::replace(&mut self.recording, Recording::Nothing);
        let held = match accepted {
            Accepted::Held(held) if held.is_whole => {
                permit.finish(Outcome::Success);
                return recording.opened(held.into_opened(None)).await;
            }
            Accepted::Held(held) => *held,
            // What becomes of the body is the breaker's concern alone.
            Accepted::Untouched(response) if self.resilience.targets.has_breaker() => Held::new(response),
            Accepted::Untouched(response) => return recording.response(response).await,
        };
        let watch = self.resilience.targets.has_breaker();
        let watch = watch.then(|| Watch::new(permit, &attempt.endpoint, &held.parts, is_stream));
        recording.opened(held.into_opened(watch)).await
    }

    /// Ends a call whose deadline has passed.
    fn give_up(mut self, attempt: &Attempt) -> Result<Response> {
        self.recording.last(attempt, Decision::Deadline);
        let deadline = self.resilience.retry.limits.deadline.unwrap_or_default();
        let error = DeadlineError { deadline, attempts: self.attempts.total() };
        let failure = Failure::new(ErrorType::Timeout, error.to_string());
        self.recording.error(Error::middleware(error), failure)
    }

    /// Ends a call that no target lets pass.
    fn refuse(self, error: CircuitOpenError) -> Result<Response> {
        let kind = ErrorType::Named("CircuitOpenError".to_owned());
        let failure = Failure::new(kind, error.to_string());
        self.recording.error(Error::middleware(error), failure)
    }
}
