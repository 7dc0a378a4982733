//! `llmlogs serve` in Chromium: somebody looks at calls, while programs make them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod accessible;
mod call;
mod calls;
mod compare;
mod empty;
mod hostile;
mod keyboard;
mod live;
mod overview;
mod trace;
