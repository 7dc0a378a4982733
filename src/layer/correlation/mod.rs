//! Which call spans belong to one call.
//!
//! Spans of calls may lie in each other: an agent around its turns, a library's span around an HTTP client's, a retry
//! middleware around its attempts. A span with a request is an attempt at the call of the span it lies in if that asks
//! for the same, or asks for nothing itself; otherwise it is a call of its own. A span around different requests is no
//! call but their context. Each request ends up in exactly one record.

#[cfg(test)]
mod model;
mod part;
#[cfg(test)]
mod tests;

use std::iter;

use llmlogs_core::capture::CallKey;

use part::{Answer, Closing, Collected, Compared, View};
pub(super) use part::{Part, Released};

/// The open call spans, as far as correlation has to know them. No method is called while a part is borrowed.
pub(super) trait CallSpans {
    /// An open call span in its place in the tree.
    type Span;
    /// Refers to an open call span from wherever.
    type Link: Clone;
    /// Equal to itself only: a request that asks for the same is found by [`CallSpans::is_same`].
    type Request: Clone + PartialEq;
    /// A closed span, with what surrounded it.
    type Attempt;

    fn link(&self, span: &Self::Span) -> Self::Link;

    /// Returns the nearest call span that `span` lies in and that is not known to be no call.
    fn enclosing(&self, span: &Self::Span) -> Option<Self::Span>;

    /// Runs `transition` while nobody else looks at the span's part.
    fn update<T>(
        &self,
        link: &Self::Link,
        transition: impl FnOnce(&mut Part<Self::Request, Self::Attempt, Self::Link>) -> T,
    ) -> T;

    /// Returns whether two requests ask for the same. What is found out of them on the way may be kept in them.
    fn is_same(&self, a: &mut Self::Request, b: &mut Self::Request) -> bool;

    /// The call of the span `root` has begun with `request`.
    fn started(&self, root: &Self::Link, key: CallKey, request: &Self::Request);

    /// A call is over whose enclosing span is none.
    fn released(&self, released: Released<Self::Attempt>);
}

/// A span that is closing.
pub(super) trait ClosingSpan<T: CallSpans> {
    /// Whether the span's fields say that it is a call.
    fn is_call(&self) -> bool;

    /// The hash of its messages, if it has some.
    fn messages(&self) -> Option<u64>;

    /// The span as an attempt at a call.
    fn into_attempt(self, spans: &T) -> T::Attempt;

    /// The span was a call, which the recorder may know by `key`, and is over.
    fn finish(self, spans: &T, key: Option<CallKey>, attempts: Vec<T::Attempt>);
}

/// Places `span`, whose own request has just been seen. `may_join` is [`Part::may_join`] at that time.
pub(super) fn request_seen<T: CallSpans>(spans: &T, span: &T::Span, mut request: T::Request, may_join: bool) {
    let link = spans.link(span);
    if may_join
        && let Some(outer) = spans.enclosing(span)
        && let Some(root) = find_root(spans, &outer, &mut request)
    {
        // Asked again under the lock: a request made inside may have begun a call for the span in the meantime.
        if let Some(collected) = spans.update(&link, |part| part.join(root.clone())) {
            hand_on(spans, root, collected, false);
            return;
        }
    }
    let started = spans.update(&link, |part| part.own_request(request.clone(), CallKey::next));
    if let Some(key) = started {
        spans.started(&link, key, &request);
    }
}

/// Returns the span whose call `request`, made inside `outer`, belongs to; `None` if it is a call of its own.
fn find_root<T: CallSpans>(spans: &T, outer: &T::Span, request: &mut T::Request) -> Option<T::Link> {
    let mut link = spans.link(outer);
    loop {
        match spans.update(&link, |part| part.view()) {
            View::Pending => {
                if let Some(further) = spans.enclosing(outer)
                    && let Some(root) = find_root(spans, &further, request)
                {
                    let collected = spans.update(&link, |part| part.pass_through(root.clone()));
                    hand_on(spans, root.clone(), collected.unwrap_or_default(), false);
                    return Some(root);
                }
                let started = spans.update(&link, |part| part.inner_request(request.clone(), CallKey::next));
                if let Some(key) = started {
                    // Not under the lock: meanwhile other threads may join the call, and turn the span into context.
                    spans.started(&link, key, request);
                    spans.update(&link, Part::announced);
                    return Some(link);
                }
            }
            View::Root(mut known) => {
                let same = spans.is_same(request, &mut known);
                match spans.update(&link, |part| part.compared(known, same)) {
                    Compared::Accepted => return Some(link),
                    Compared::Refused(released) => {
                        released.into_iter().for_each(|released| spans.released(released));
                        return None;
                    }
                    Compared::Outdated => {}
                }
            }
            View::Attempt(root) => link = root,
            View::Context => return None,
        }
    }
}

/// Gives closed spans to the span `root`, whose call they belong to. `requested` is whether they made its request.
fn hand_on<T: CallSpans>(
    spans: &T,
    mut root: T::Link,
    closed: impl IntoIterator<Item = T::Attempt>,
    requested: bool,
) {
    let mut closed = closed.into_iter().peekable();
    if closed.peek().is_none() {
        return;
    }
    loop {
        match spans.update(&root, |part| part.collect(&mut closed, requested)) {
            Collected::Kept => return,
            Collected::Released(released) => return spans.released(released),
            Collected::HandOn(further) => root = further,
        }
    }
}

/// Places `span`, which is closing, for good.
pub(super) fn closed<T: CallSpans>(spans: &T, span: &T::Span, closing: impl ClosingSpan<T>) {
    let link = spans.link(span);
    let is_call = closing.is_call();
    match spans.update(&link, |part| part.close(is_call)) {
        Closing::Attempt { root, requested: true } => {
            hand_on(spans, root, iter::once(closing.into_attempt(spans)), true);
        }
        // One that only lies between is context where the outer span is.
        Closing::Attempt { root, requested: false } => {
            let is_context = spans.update(&root, |part| matches!(part, Part::Context { .. }));
            if is_call && !is_context {
                hand_on(spans, root, iter::once(closing.into_attempt(spans)), false);
            }
        }
        Closing::Call { key, attempts } => closing.finish(spans, Some(key), attempts),
        Closing::Undecided { messages, attempts } => {
            let root = spans.enclosing(span).and_then(|outer| {
                let messages = closing.messages().or(messages);
                find_root_without_request(spans, &outer, messages)
            });
            match root {
                Some(root) => {
                    let own = iter::once(closing.into_attempt(spans));
                    hand_on(spans, root, attempts.into_iter().chain(own), false);
                }
                None => closing.finish(spans, None, attempts),
            }
        }
        Closing::Context(released) => released.into_iter().for_each(|released| spans.released(released)),
    }
}

/// As [`find_root`], for a span inside `outer` that closes without a request.
fn find_root_without_request<T: CallSpans>(
    spans: &T,
    outer: &T::Span,
    messages: Option<u64>,
) -> Option<T::Link> {
    let mut link = spans.link(outer);
    loop {
        match spans.update(&link, |part| part.ask_without_request(messages)) {
            Answer::Accepted => return Some(link),
            Answer::Refused(released) => {
                released.into_iter().for_each(|released| spans.released(released));
                return None;
            }
            Answer::Ask(root) => link = root,
        }
    }
}
