//! Which fields of an event belong to the call that the event happens in.

use tracing::Level;

use llmlogs_core::semconv;

/// Returns the name under which the field `name` of an event of `level` is kept, or `None` if the field says nothing
/// of a call.
pub(super) fn kept_name(name: &'static str, level: Level) -> Option<&'static str> {
    let belongs = name.starts_with(semconv::GEN_AI_PREFIX)
        || semconv::SHORT_NAMES.contains(&name)
        || matches!(name, semconv::ERROR_TYPE | semconv::EXCEPTION_TYPE | semconv::EXCEPTION_MESSAGE);
    if belongs {
        Some(name)
    } else if name == semconv::SHORT_ERROR && level == Level::ERROR {
        Some(semconv::EXCEPTION_MESSAGE)
    } else {
        None
    }
}
