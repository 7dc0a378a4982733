//! The warning for a user whose filter keeps the recorder from seeing calls.

#[cfg(feature = "middleware")]
use tracing::{Level, level_filters::LevelFilter};

use crate::sink::Recorders;
use crate::warn::WarnOnce;

/// Warns once, on standard error, that a call is not recorded although a recorder is running.
pub(crate) fn warn_unseen() {
    static UNSEEN: WarnOnce = WarnOnce::new();
    if Recorders::any_running() {
        UNSEEN.once(format_args!(
            "a call was not recorded, because the subscriber's filter keeps its span \
             (target `tracing_llmlogs`, level INFO) from the recorder's layer. Give the filter to the layer \
             it is meant for, as in `fmt::layer().with_filter(EnvFilter::from_default_env())`, or add \
             `tracing_llmlogs=info` to it."
        ));
    }
}

/// Returns whether no subscriber in the program takes spans of the level of calls.
#[cfg(feature = "middleware")]
pub(crate) fn is_unseen() -> bool {
    LevelFilter::current() < Level::INFO
}
