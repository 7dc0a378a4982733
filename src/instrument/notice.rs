//! The one word to a user whose filter keeps the recorder from seeing any call.

#[cfg(feature = "middleware")]
use tracing::{Level, level_filters::LevelFilter};

use crate::sink::Recorders;
use crate::warn::WarnOnce;

/// Says once, on standard error, that a call goes by unrecorded though a recorder is running.
pub(crate) fn notice_unseen() {
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

/// Whether nobody can see a call's span, because no subscriber in the program takes spans of its level.
#[cfg(feature = "middleware")]
pub(crate) fn is_unseen() -> bool {
    LevelFilter::current() < Level::INFO
}
