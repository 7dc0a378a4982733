//! `llmlogs serve` in Chromium: somebody looks at calls, while programs make them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod overview;
