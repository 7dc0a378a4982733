//! Where the attempts of a call go, one target after the other.

use std::sync::Arc;
use std::time::Instant;

use reqwest::Request;

use crate::middleware::breaker::{Admission, Permit, TargetKey};
use crate::middleware::fallback::Prepared;
use crate::middleware::retry::FailedAttempt;
use crate::middleware::sent_body::parsed_body;
use crate::warn::WarnOnce;
use llmlogs_core::capture::Endpoint;
use llmlogs_core::json::Json;

use super::Resilience;

/// Where an attempt goes.
pub(super) struct Target {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) model: Arc<str>,
    pub(super) key: TargetKey,
}

impl Target {
    /// Returns provider, base URL and model.
    pub(super) fn label(&self) -> [&str; 3] {
        [&self.endpoint.provider, &self.endpoint.base_url, &self.model]
    }
}

/// Tells what a request is, as the middleware's settings have it: its endpoint, if it is known, and its model.
pub(in crate::middleware) trait Describe: Sync {
    fn endpoint(&self, request: &Request) -> Option<Endpoint>;
}

/// The targets of a call that were not asked yet.
pub(super) struct Fallbacks<'r> {
    resilience: &'r Resilience,
    describe: &'r dyn Describe,
    next: usize,
}

/// The next target, and those before it whose circuits are open.
pub(super) struct NextTarget {
    pub(super) request: Request,
    pub(super) target: Target,
    pub(super) permit: Permit,
}

impl<'r> Fallbacks<'r> {
    pub(super) fn new(resilience: &'r Resilience, describe: &'r dyn Describe) -> Self {
        Fallbacks { resilience, describe, next: 0 }
    }

    /// Returns the first of the fallbacks left that may be asked after `failed`, an attempt at `left`; those before it are
    /// done with, and `skipped` gets those with an open circuit. `first` is the caller's own request, to `own`.
    pub(super) fn next(
        &mut self,
        first: &Request,
        own: &Target,
        left: &Target,
        failed: &FailedAttempt<'_>,
        mut skipped: impl FnMut(Target),
    ) -> Option<NextTarget> {
        let targets = &self.resilience.targets;
        while let Some(fallback) = self.resilience.fallbacks.get(self.next) {
            self.next += 1;
            let request = match fallback.prepare(first, &own.model, failed) {
                Prepared::Ready(request) => request,
                Prepared::NotForThis => continue,
                Prepared::Impossible(why) => {
                    static IMPOSSIBLE: WarnOnce = WarnOnce::new();
                    IMPOSSIBLE.once(format_args!("the fallback {fallback:?} was skipped: {why}"));
                    continue;
                }
            };
            let endpoint = match self.describe.endpoint(&request) {
                Some(endpoint) => endpoint,
                // A path that only the user knows.
                None => Endpoint {
                    base_url: request.url().origin().ascii_serialization(),
                    path: request.url().path().to_owned(),
                    query: String::new(),
                    ..(*own.endpoint).clone()
                },
            };
            if endpoint.api != own.endpoint.api {
                static OTHER_API: WarnOnce = WarnOnce::new();
                OTHER_API.once(format_args!(
                    "the fallback {fallback:?} was skipped: its answers have the shape of another API ({:?} instead of \
                     {:?}), which the caller does not expect. `run_with_fallbacks` makes calls to several APIs one",
                    endpoint.api, own.endpoint.api
                ));
                continue;
            }
            let model = model_of(&endpoint, parsed_body(&request).as_ref());
            let target = Target { key: targets.key(&request, &model), endpoint: Arc::new(endpoint), model };
            if failed.kind.is_of_the_credential() && target.key.credential == left.key.credential {
                continue;
            }
            match targets.admit(target.key, target.label(), Instant::now()) {
                Admission::Admitted(permit) => return Some(NextTarget { request, target, permit }),
                Admission::Refused => skipped(target),
            }
        }
        None
    }
}

/// Returns the model that a request with the body `parsed` asks for; empty if it names none.
pub(in crate::middleware) fn model_of(endpoint: &Endpoint, parsed: Option<&Json<'_>>) -> Arc<str> {
    let named = parsed.and_then(|body| body.get("model").as_str());
    let named = named.as_deref().filter(|model| !model.is_empty());
    named.or(endpoint.path_model.as_deref()).unwrap_or_default().into()
}
