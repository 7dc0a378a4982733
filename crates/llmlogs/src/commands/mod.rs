//! One file a command.

pub(crate) mod alerts;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod failures;
pub(crate) mod latest;
pub(crate) mod ls;
pub(crate) mod pack;
pub(crate) mod packaging;
#[cfg(feature = "proxy")]
pub(crate) mod proxy;
pub(crate) mod prune;
#[cfg(feature = "proxy")]
pub(crate) mod run;
pub(crate) mod search;
pub(crate) mod serve;
pub(crate) mod show;
pub(crate) mod stats;
pub(crate) mod tail;
mod tree;
pub(crate) mod watch;
