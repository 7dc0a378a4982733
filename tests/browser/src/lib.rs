//! What the browser tests and the screenshots share: the command as a server, Chromium behind chromedriver, and roots
//! that the real recorder wrote.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod axe;
mod browser;
mod find;
mod recorded;
mod server;

pub use self::axe::Axe;
pub use self::browser::{Browser, Theme};
pub use self::find::Role;
pub use self::recorded::{Recorder, chat, reply};
pub use self::server::Server;

use std::io::Write;

/// The variable of the environment with which a missing browser is a failure.
const REQUIRED: &str = "LLMLOGS_BROWSER_TESTS";

/// Says that something is not tested here, past the test harness, which shows nothing of tests that pass.
///
/// # Panics
///
/// If `LLMLOGS_BROWSER_TESTS` is `required`.
pub fn skip(what: &str) {
    let is_required = std::env::var(REQUIRED).is_ok_and(|value| value == "required");
    assert!(!is_required, "{REQUIRED}=required, but {what}");
    let _nowhere_to_say_it = writeln!(std::io::stderr(), "\nNOT TESTED: {what}\n");
}
