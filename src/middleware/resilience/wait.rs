//! Waiting, on a thread of this crate's own: a program may have built its runtime without a timer.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use crate::middleware::timer::Deadline;

/// Waits for `delay`.
pub(super) async fn sleep(delay: Duration) {
    let until = Deadline::after(delay);
    poll_fn(|context| until.poll(context)).await;
}

/// Runs `future` until `deadline`, if there is one; `None` if the deadline came first, and the future is dropped.
pub(super) async fn until<T>(deadline: Option<Instant>, future: impl Future<Output = T>) -> Option<T> {
    let Some(deadline) = deadline else {
        return Some(future.await);
    };
    let deadline = Deadline::after(deadline.saturating_duration_since(Instant::now()));
    let mut future = pin!(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => deadline.poll(context).map(|()| None),
    })
    .await
}
