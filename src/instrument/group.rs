//! The group that the requests of a future belong to, whatever clients make them.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};

use llmlogs_core::capture::CallGroup;

/// Returns the group of the future that runs on this thread now.
pub(crate) fn current_group() -> Option<CallGroup> {
    CURRENT.get()
}

thread_local! {
    /// The group of whatever requests the future makes that runs on this thread now.
    static CURRENT: Cell<Option<CallGroup>> = const { Cell::new(None) };
}

/// A future whose requests are made for one call.
pub(crate) struct Grouped<F> {
    group: CallGroup,
    future: Pin<Box<F>>,
}

impl<F> Grouped<F> {
    pub(crate) fn new(group: CallGroup, future: F) -> Self {
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

    #[tokio::test]
    async fn the_requests_of_a_grouped_future_are_of_one_group() {
        let group = CallGroup::next();
        let groups = Grouped::new(group, async {
            let first = current_group();
            tokio::task::yield_now().await;
            [first, current_group()]
        });
        assert_eq!(groups.await, [Some(group), Some(group)]);
        assert_eq!(current_group(), None);
    }
}
