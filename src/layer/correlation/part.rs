//! What part a span has in a call, and how that changes.
//!
//! Pure: no spans, no locks, no clock. A transition returns what has to be emitted because of it.

use std::mem;

use llmlogs_core::capture::CallKey;

/// What part an open call span has in a call. `R` is a request, `A` a closed span that was an attempt, `L` a link to
/// another open call span.
#[derive(Debug)]
pub(in crate::layer) enum Part<R, A, L> {
    /// No request was seen, neither of the span itself nor of a span inside. The span may yet be a call without HTTP.
    Pending {
        /// The hash of the messages of the spans inside that had some.
        messages: Option<u64>,
        attempts: Vec<A>,
    },
    /// The span is the call, and the recorder knows of it or is about to.
    Root { key: StartedKey, request: R, origin: Origin, attempts: Vec<A> },
    /// The span belongs to the call of the span `root`.
    Attempt {
        root: L,
        /// It made the request itself; otherwise a span inside did.
        requested: bool,
    },
    /// The span surrounds calls and is none itself.
    Context {
        /// The key of the call that was taken for this span's, until a span that made its request closes.
        key: Option<StartedKey>,
    },
}

/// The key of a call that has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::layer) struct StartedKey {
    key: CallKey,
    /// Whether the recorder has been told. Until then the call must not end under this key: the recorder would wait for
    /// an end that it has had.
    announced: bool,
}

/// Who made the request of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::layer) enum Origin {
    /// The call's own span.
    Own,
    /// A span inside, on behalf of the call's span.
    Inner,
}

/// Attempts whose enclosing span turned out to be no call: they are a call of their own.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::layer) struct Released<A> {
    /// The key that the recorder knows the call by, if it does.
    pub(in crate::layer) key: Option<CallKey>,
    /// In the order of their ends; never empty.
    pub(in crate::layer) attempts: Vec<A>,
}

/// What a span inside has to know before it asks whether its request is an attempt at the span's call.
#[derive(Debug)]
pub(super) enum View<R, L> {
    /// Whoever encloses the span is asked first.
    Pending,
    /// The requests are compared, outside of any lock.
    Root(R),
    /// The span `0` is asked instead.
    Attempt(L),
    /// It is not.
    Context,
}

/// What became of a comparison of two requests.
#[derive(Debug)]
pub(super) enum Compared<A> {
    Accepted,
    /// The span inside is a call of its own.
    Refused(Option<Released<A>>),
    /// The span has changed since; the answer does not hold any more.
    Outdated,
}

/// Whether a span without a request is an attempt at the call of the span it lies in.
#[derive(Debug)]
pub(super) enum Answer<A, L> {
    Accepted,
    /// It is a call of its own.
    Refused(Option<Released<A>>),
    /// The span `0` is asked instead.
    Ask(L),
}

/// What became of attempts that were handed to a span.
#[derive(Debug)]
pub(super) enum Collected<A, L> {
    Kept,
    Released(Released<A>),
    /// Nothing was taken; they belong to the span `0`.
    HandOn(L),
}

/// What remains to be done when a span closes.
#[derive(Debug)]
pub(super) enum Closing<A, L> {
    /// The span is to be handed to `root`.
    Attempt { root: L, requested: bool },
    /// The span is the call: its record is finished.
    Call { key: CallKey, attempts: Vec<A> },
    /// The span is a call, or an attempt at the call of the span it lies in.
    Undecided {
        /// The hash of the messages of the spans inside.
        messages: Option<u64>,
        attempts: Vec<A>,
    },
    /// The span is no call.
    Context(Option<Released<A>>),
}

impl<R, A, L> Part<R, A, L> {
    pub(in crate::layer) const fn new() -> Self {
        Part::Pending { messages: None, attempts: Vec::new() }
    }

    /// Returns whether the span, whose own request has just been seen, may be an attempt at another span's call.
    pub(in crate::layer) fn may_join(&self) -> bool {
        matches!(self, Part::Pending { .. } | Part::Attempt { requested: false, .. })
    }

    /// Makes the span an attempt by its own request at `root`'s call; returns what it had collected itself, or `None` if
    /// it may not join any more: another thread has begun a call for it, whose key must not be lost.
    pub(super) fn join(&mut self, root: L) -> Option<Vec<A>> {
        if !self.may_join() {
            return None;
        }
        match mem::replace(self, Part::Attempt { root, requested: true }) {
            Part::Pending { attempts, .. } => Some(attempts),
            _ => Some(Vec::new()),
        }
    }

    /// Makes the span a call by its own request. Returns the key if the recorder does not know of the call yet.
    pub(super) fn own_request(&mut self, request: R, next_key: impl FnOnce() -> CallKey) -> Option<CallKey> {
        // A span makes its request before there are spans inside, so that mostly nothing is known.
        let (known, attempts) = match mem::replace(self, Part::new()) {
            Part::Pending { attempts, .. } => (None, attempts),
            // What was asked for on its behalf stays with it.
            Part::Root { key, attempts, .. } => (Some(key), attempts),
            Part::Context { key } => (key, Vec::new()),
            Part::Attempt { .. } => (None, Vec::new()),
        };
        // Only the span's own close ends such a call, and that comes after the announcement.
        let key = known.unwrap_or_else(|| StartedKey { key: next_key(), announced: true });
        *self = Part::Root { key, request, origin: Origin::Own, attempts };
        if known.is_none() { Some(key.key) } else { None }
    }

    /// Makes the span the call that `request`, made inside, belongs to. Returns the call's key, or `None` if the span
    /// is no longer pending.
    pub(super) fn inner_request(
        &mut self,
        request: R,
        next_key: impl FnOnce() -> CallKey,
    ) -> Option<CallKey> {
        let Part::Pending { attempts, .. } = self else {
            return None;
        };
        let attempts = mem::take(attempts);
        let key = next_key();
        let started = StartedKey { key, announced: false };
        *self = Part::Root { key: started, request, origin: Origin::Inner, attempts };
        Some(key)
    }

    /// Notes that the recorder knows of the call that was begun for the span.
    pub(super) fn announced(&mut self) {
        if let Part::Root { key, .. } | Part::Context { key: Some(key) } = self {
            key.announced = true;
        }
    }

    /// Makes a span that lies between a request and `root`, whose call the request belongs to, a part of that call.
    /// Returns what it had collected, or `None` if the span is no longer pending.
    pub(super) fn pass_through(&mut self, root: L) -> Option<Vec<A>> {
        let Part::Pending { attempts, .. } = self else {
            return None;
        };
        let attempts = mem::take(attempts);
        *self = Part::Attempt { root, requested: false };
        Some(attempts)
    }

    /// Decides about a span inside that closes without a request, with the hash of its messages. One that has no
    /// messages says nothing against being part of the same call.
    pub(super) fn ask_without_request(&mut self, asked: Option<u64>) -> Answer<A, L>
    where
        L: Clone,
    {
        match self {
            Part::Pending { messages, attempts } => match (*messages, asked) {
                (Some(known), Some(asked)) if known != asked => {
                    let attempts = mem::take(attempts);
                    *self = Part::Context { key: None };
                    Answer::Refused(Released::some(None, attempts))
                }
                (known, asked) => {
                    *messages = known.or(asked);
                    Answer::Accepted
                }
            },
            Part::Root { .. } => Answer::Accepted,
            Part::Attempt { root, .. } => Answer::Ask(root.clone()),
            Part::Context { .. } => Answer::Refused(None),
        }
    }

    /// Takes closed spans that belong to the span's call. `requested` is whether they made its request.
    pub(super) fn collect(&mut self, closed: &mut impl Iterator<Item = A>, requested: bool) -> Collected<A, L>
    where
        L: Clone,
    {
        match self {
            Part::Pending { attempts, .. } | Part::Root { attempts, .. } => {
                attempts.extend(closed);
                Collected::Kept
            }
            Part::Attempt { root, .. } => Collected::HandOn(root.clone()),
            Part::Context { key } => {
                let key = if requested { key.take_if(|key| key.announced) } else { None };
                match Released::some(key.map(|key| key.key), closed.collect()) {
                    Some(released) => Collected::Released(released),
                    None => Collected::Kept,
                }
            }
        }
    }

    /// Returns what remains to be done now that the span closes. `is_call` is whether its fields say that it is one.
    pub(super) fn close(&mut self, is_call: bool) -> Closing<A, L>
    where
        L: Clone,
    {
        match self {
            Part::Attempt { root, requested } => {
                Closing::Attempt { root: root.clone(), requested: *requested }
            }
            Part::Root { key, origin, attempts, .. } if is_call || *origin == Origin::Own => {
                Closing::Call { key: key.key, attempts: mem::take(attempts) }
            }
            Part::Root { key, attempts, .. } => {
                let (key, attempts) = (*key, mem::take(attempts));
                Closing::Context(self.become_context(key, attempts))
            }
            Part::Pending { messages, attempts } if is_call => {
                Closing::Undecided { messages: *messages, attempts: mem::take(attempts) }
            }
            Part::Pending { attempts, .. } => {
                let attempts = mem::take(attempts);
                *self = Part::Context { key: None };
                Closing::Context(Released::some(None, attempts))
            }
            Part::Context { .. } => Closing::Context(None),
        }
    }

    /// Where nothing is collected yet, or the recorder does not know of the call yet, a span that made the request is
    /// still open: the key waits for it.
    fn become_context(&mut self, key: StartedKey, attempts: Vec<A>) -> Option<Released<A>> {
        if attempts.is_empty() || !key.announced {
            *self = Part::Context { key: Some(key) };
            return Released::some(None, attempts);
        }
        *self = Part::Context { key: None };
        Released::some(Some(key.key), attempts)
    }
}

impl<R: Clone + PartialEq, A, L: Clone> Part<R, A, L> {
    pub(super) fn view(&self) -> View<R, L> {
        match self {
            Part::Pending { .. } => View::Pending,
            Part::Root { request, .. } => View::Root(request.clone()),
            Part::Attempt { root, .. } => View::Attempt(root.clone()),
            Part::Context { .. } => View::Context,
        }
    }

    /// Decides about a request made inside, which is `same` as the span's, as far as that is `known`, or is not.
    pub(super) fn compared(&mut self, known: R, same: bool) -> Compared<A> {
        let Part::Root { key, request, origin, attempts } = self else {
            return Compared::Outdated;
        };
        if *request != known {
            return Compared::Outdated;
        }
        // What the comparison found out of it need not be found out again.
        *request = known;
        if same {
            return Compared::Accepted;
        }
        if *origin == Origin::Own {
            return Compared::Refused(None);
        }
        // It surrounds different requests.
        let (key, attempts) = (*key, mem::take(attempts));
        Compared::Refused(self.become_context(key, attempts))
    }
}

impl<A> Released<A> {
    /// Nothing is released where nothing was collected.
    fn some(key: Option<CallKey>, attempts: Vec<A>) -> Option<Self> {
        if attempts.is_empty() { None } else { Some(Released { key, attempts }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_for_which_another_thread_began_a_call_does_not_join_and_keeps_the_key() {
        let mut part: Part<u8, u8, u8> = Part::new();
        assert!(part.may_join());
        let key = part.inner_request(1, CallKey::next).unwrap();
        assert!(part.join(7).is_none());
        assert_eq!(part.own_request(2, CallKey::next), None, "the recorder knows of the call already");
        let Closing::Call { key: finished, .. } = part.close(true) else { panic!("{part:?}") };
        assert_eq!(finished, key);
    }
}
