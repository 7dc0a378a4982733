//! Which requests are made for one call: the outermost middleware gives them a group, which travels with the request and
//! not in it.

use std::cell::Cell;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use llmlogs_core::capture::CallGroup;

/// The group of a request's call, in the request's extensions while the outermost middleware handles it.
#[derive(Clone)]
struct Member(Weak<CallGroup>);

/// A middleware's part in the group of a request.
pub(super) struct Membership {
    pub(super) group: CallGroup,
    /// Whether an outer middleware gave the group.
    pub(super) is_inner: bool,
    /// Kept while the request is handled: extensions may be used for other requests later.
    _own: Option<Arc<CallGroup>>,
}

impl Membership {
    /// Joins the group of the request with these extensions, or gives it one.
    pub(super) fn of(extensions: &mut http::Extensions) -> Self {
        if let Some(group) = extensions.get::<Member>().and_then(|member| member.0.upgrade()) {
            return Membership { group: *group, is_inner: true, _own: None };
        }
        let group = CURRENT.get().unwrap_or_else(CallGroup::next);
        let own = Arc::new(group);
        extensions.insert(Member(Arc::downgrade(&own)));
        Membership { group, is_inner: false, _own: Some(own) }
    }
}

thread_local! {
    /// The group of whatever requests the future makes that runs on this thread now.
    static CURRENT: Cell<Option<CallGroup>> = const { Cell::new(None) };
}

/// A future whose requests are made for one call.
pub(super) struct Grouped<F> {
    group: CallGroup,
    future: Pin<Box<F>>,
}

impl<F> Grouped<F> {
    pub(super) fn new(group: CallGroup, future: F) -> Self {
        Grouped { group, future: Box::pin(future) }
    }
}

impl<F: Future> Future for Grouped<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        /// Puts the outer group back, after a panic too.
        struct Restore(Option<CallGroup>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0);
            }
        }
        let _restore = Restore(CURRENT.replace(Some(self.group)));
        self.future.as_mut().poll(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_middlewares_join_the_outer_ones_group_until_it_is_done() {
        let mut extensions = http::Extensions::new();
        let outer = Membership::of(&mut extensions);
        let inner = Membership::of(&mut extensions);
        assert_eq!((inner.group, inner.is_inner), (outer.group, true));
        drop(outer);
        let next = Membership::of(&mut extensions);
        assert_ne!(next.group, inner.group, "the extensions were used for another request");
    }

    #[tokio::test]
    async fn the_requests_of_a_grouped_future_are_of_one_group() {
        let group = CallGroup::next();
        let of_request = || Membership::of(&mut http::Extensions::new()).group;
        let groups = Grouped::new(group, async {
            let first = of_request();
            tokio::task::yield_now().await;
            [first, of_request()]
        });
        assert_eq!(groups.await, [group, group]);
        assert_ne!(of_request(), group);
    }
}
