//! What becomes of a call that could not be written: when it is tried again, and when it is given up.

use std::time::Duration;

use llmlogs_core::store::Loss;

use super::queue::Queue;

/// How long a failing disk is left alone: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Why an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failed {
    /// The operating system reported an error.
    Disk,
    /// Something else has the name of the call's directory.
    Obstructed,
    /// A panic: another try at the same would end like this one.
    Bug,
}

impl Failed {
    /// Returns the cause under which a call that is given up is counted.
    pub(super) fn loss(self) -> Loss {
        match self {
            Failed::Disk | Failed::Obstructed => Loss::Disk,
            Failed::Bug => Loss::Bug,
        }
    }
}

/// What to do after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    TryAgain,
    /// Without its bodies the call may yet fit.
    TryWithoutBodies,
    GiveUp,
}

/// The attempts at one call.
pub(super) struct Retry {
    pause: Duration,
    is_last: bool,
}

impl Retry {
    /// On a disk that is given up each call gets one attempt, so that all of them can be counted in time.
    pub(super) fn new(has_given_up: bool) -> Self {
        Retry { pause: FIRST_PAUSE, is_last: has_given_up }
    }

    /// Returns what to do after an attempt that `failed`, after the pause that a failing disk is left alone. As long
    /// as the program does not wait for the recorder to end, the disk is tried without limit.
    pub(super) fn after(&mut self, failed: Failed, queue: &Queue) -> Next {
        if failed != Failed::Bug && queue.pause_before_retry(self.pause) {
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            return Next::TryAgain;
        }
        if std::mem::replace(&mut self.is_last, true) { Next::GiveUp } else { Next::TryWithoutBodies }
    }
}
