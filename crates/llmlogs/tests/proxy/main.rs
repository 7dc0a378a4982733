//! `llmlogs proxy` and `llmlogs run` over real sockets, between a client and an API that are only bytes.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod api;
mod command;
mod passing;
mod refusals;
mod run;
mod sdks;
