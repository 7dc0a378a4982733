//! Several ways to an answer as one call, for typed clients of several APIs.

use std::borrow::Cow;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::Instrument;

use crate::warn::WarnOnce;
use llmlogs_core::capture::{
    Api, Body, CallGroup, CapturedAttempt, CapturedResponse, ChunkTimings, Completion, Decision, Endpoint,
    Failure, ResponseHead, TimeAnchor,
};
use llmlogs_core::redact;

use super::call::error_type;
use super::call_span::CallSpan;
use super::capture;
use super::group::Grouped;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
type Predicate<'a, E> = Box<dyn Fn(&E) -> bool + Send + Sync + 'a>;

/// One way to an answer.
struct Candidate<'a, T, E> {
    provider: Cow<'static, str>,
    model: String,
    ask: Box<dyn FnOnce() -> BoxFuture<'a, Result<T, E>> + Send + 'a>,
}

impl<'a, T, E> Candidate<'a, T, E> {
    fn new<F>(provider: Cow<'static, str>, model: String, ask: impl FnOnce() -> F + Send + 'a) -> Self
    where
        F: Future<Output = Result<T, E>> + Send + 'a,
    {
        Candidate { provider, model, ask: Box::new(move || Box::pin(ask())) }
    }
}

/// Several ways to an answer, tried one after the other; made by [`run_with_fallbacks`].
#[must_use = "nothing is asked before `run`"]
pub struct FallbackRun<'a, T, E> {
    first: Candidate<'a, T, E>,
    others: Vec<Candidate<'a, T, E>>,
    when: Option<Predicate<'a, E>>,
}

/// Asks `provider` for an answer of `model` by `ask`, and the others that are added with [`FallbackRun::or`] if that fails:
/// one call in one folder, whatever APIs and clients they are of. Where those are recorded too (by the middleware, by
/// [`LlmCall`](crate::LlmCall)), all their requests are attempts at this call.
///
/// ```
/// # async fn openai() -> Result<String, std::io::Error> { Err(std::io::Error::other("busy")) }
/// # async fn anthropic() -> Result<String, std::io::Error> { Ok("Hi!".to_owned()) }
/// # async fn example() -> Result<(), std::io::Error> {
/// use tracing_llmlogs::run_with_fallbacks;
///
/// let answer = run_with_fallbacks("openai", "gpt-4o", || openai())
///     .or("anthropic", "claude-sonnet-4-5", || anthropic())
///     .run()
///     .await?;
/// # Ok(())
/// # }
/// ```
pub fn run_with_fallbacks<'a, T, E, F>(
    provider: impl Into<Cow<'static, str>>,
    model: impl Into<String>,
    ask: impl FnOnce() -> F + Send + 'a,
) -> FallbackRun<'a, T, E>
where
    F: Future<Output = Result<T, E>> + Send + 'a,
{
    FallbackRun { first: Candidate::new(provider.into(), model.into(), ask), others: Vec::new(), when: None }
}

impl<'a, T, E> FallbackRun<'a, T, E> {
    /// Adds another way, after those that are there.
    pub fn or<F>(
        mut self,
        provider: impl Into<Cow<'static, str>>,
        model: impl Into<String>,
        ask: impl FnOnce() -> F + Send + 'a,
    ) -> Self
    where
        F: Future<Output = Result<T, E>> + Send + 'a,
    {
        self.others.push(Candidate::new(provider.into(), model.into(), ask));
        self
    }

    /// Goes on to the next way only after an error for which `when` returns `true`, or panics. Default: after every error.
    pub fn when(mut self, when: impl Fn(&E) -> bool + Send + Sync + 'a) -> Self {
        self.when = Some(Box::new(when));
        self
    }
}

impl<T, E: Display + 'static> FallbackRun<'_, T, E> {
    /// Asks one after the other, and returns the first answer, or the last error.
    ///
    /// # Errors
    ///
    /// The error of the last way that was tried.
    pub async fn run(self) -> Result<T, E> {
        let FallbackRun { first, others, when } = self;
        let group = CallGroup::next();
        let mut call = Call::start(endpoint(first.provider.clone(), first.model.clone()));
        let (mut candidate, mut others) = (first, others.into_iter());
        loop {
            let Candidate { provider, model, ask } = candidate;
            call.begin(endpoint(provider, model.clone()), model.into());
            match Grouped::new(group, ask()).instrument(call.span.span().clone()).await {
                Ok(answer) => {
                    call.answered();
                    return Ok(answer);
                }
                Err(error) => {
                    let goes_on = when.as_ref().is_none_or(|when| goes_on(when, &error));
                    let next = if goes_on { others.next() } else { None };
                    call.failed(&error, next.is_some());
                    match next {
                        Some(next) => candidate = next,
                        None => return Err(error),
                    }
                }
            }
        }
    }
}

/// Asks the user's function; it counts as one that is not there if it panics.
fn goes_on<E>(when: &Predicate<'_, E>, error: &E) -> bool {
    catch_unwind(AssertUnwindSafe(|| when(error))).unwrap_or_else(|_panic| {
        static PANICKED: WarnOnce = WarnOnce::new();
        PANICKED.once(format_args!(
            "the function given to `FallbackRun::when` panicked; the call goes on to its next way"
        ));
        true
    })
}

fn endpoint(provider: Cow<'static, str>, model: String) -> Arc<Endpoint> {
    Arc::new(Endpoint {
        api: Api::Raw,
        provider,
        operation: Cow::Borrowed("chat"),
        path_model: Some(model),
        base_url: String::new(),
        path: String::new(),
        query: String::new(),
        method: String::new(),
    })
}

/// The call around all of them. Dropped before its end, it is cancelled.
struct Call {
    span: CallSpan,
    endpoint: Arc<Endpoint>,
    attempt: Option<CapturedAttempt>,
    has_failed: bool,
    ended: bool,
}

impl Call {
    fn start(endpoint: Arc<Endpoint>) -> Self {
        let span = CallSpan::open(&endpoint, None, None);
        Call { span, endpoint, attempt: None, has_failed: false, ended: false }
    }

    fn begin(&mut self, endpoint: Arc<Endpoint>, model: Arc<str>) {
        self.attempt = Some(CapturedAttempt {
            started: TimeAnchor::now(),
            ended: Instant::now(),
            endpoint,
            model,
            waited: Duration::ZERO,
            decision: Decision::Final,
            response: None,
        });
    }

    fn end_attempt(&mut self, decision: Decision, completion: Completion) -> Arc<CapturedResponse> {
        let response = Arc::new(response(completion));
        if let Some(attempt) = self.attempt.take() {
            let (ended, response) = (response.ended, Some(Arc::clone(&response)));
            capture::attach_attempt(
                self.span.span(),
                CapturedAttempt { ended, decision, response, ..attempt },
            );
        }
        response
    }

    fn answered(&mut self) {
        if self.has_failed {
            self.end_attempt(Decision::Final, Completion::Complete);
        }
        self.ended = true;
    }

    fn failed<E: Display + 'static>(&mut self, error: &E, goes_on: bool) {
        let failure = Failure::new(error_type(error), redact::scrub_urls(&format!("{error:#}")));
        let decision = if goes_on { Decision::Fallback } else { Decision::Final };
        let response = self.end_attempt(decision, Completion::Failed(failure));
        self.has_failed = true;
        if !goes_on {
            self.end(&response);
        }
    }

    fn end(&mut self, response: &Arc<CapturedResponse>) {
        self.ended = true;
        capture::attach_response(self.span.span(), Arc::clone(response));
        CallSpan::end(std::iter::once(&self.span), &self.endpoint, response);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.ended {
            let response = self.end_attempt(Decision::Final, Completion::Dropped);
            self.end(&response);
        }
    }
}

fn response(completion: Completion) -> CapturedResponse {
    CapturedResponse {
        head: ResponseHead::default(),
        body: Body::Empty,
        chunk_timings: ChunkTimings::default(),
        completion,
        ended: Instant::now(),
    }
}
