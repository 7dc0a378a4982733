//! The environment's word on whether messages are exported.

use std::sync::LazyLock;

/// OpenTelemetry's variable; `true` since v1.28, the names of places to capture to since v1.37.
const VARIABLE: &str = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";

/// Returns whether the environment asks for messages in spans. It is read once.
pub(super) fn environment() -> bool {
    static ON: LazyLock<bool> = LazyLock::new(|| std::env::var(VARIABLE).is_ok_and(|value| is_on(&value)));
    *ON
}

/// Returns whether `value` asks for messages in spans; events alone are not written.
fn is_on(value: &str) -> bool {
    const ON: [&str; 6] = ["true", "1", "on", "yes", "span_only", "span_and_event"];
    ON.contains(&&*value.trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::is_on;

    #[test]
    fn old_and_new_values_of_the_variable_are_understood() {
        for on in ["true", "TRUE", "1", " yes ", "SPAN_ONLY", "span_and_event"] {
            assert!(is_on(on), "{on}");
        }
        for off in ["", "false", "0", "no_content", "EVENT_ONLY", "maybe"] {
            assert!(!is_on(off), "{off}");
        }
    }
}
