//! The field names that the layer itself must know. What the others mean is decided when the call is
//! rendered, off the caller's thread.

use tracing::Level;

/// <https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/>
pub(super) const OPERATION: &str = "gen_ai.operation.name";
/// <https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md>
pub(super) const OPENINFERENCE_KIND: &str = "openinference.span.kind";
pub(super) const INPUT_MESSAGES: &str = "gen_ai.input.messages";

/// Operations of OpenTelemetry's convention that surround calls and are none themselves.
pub(super) fn is_context_operation(operation: &str) -> bool {
    matches!(operation, "invoke_agent" | "create_agent" | "execute_tool" | "invoke_workflow")
}

/// Fields of enclosing spans that are remembered without being asked for.
pub(crate) const DEFAULT_CONTEXT: [&str; 8] = [
    "user_message",
    "agent_iteration",
    "iteration",
    "phase",
    "round",
    "task_id",
    "gen_ai.conversation.id",
    "gen_ai.agent.name",
];

/// Short names that count in events and spans beside OpenTelemetry's.
const SHORT: [&str; 7] = [
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "latency_ms",
    "error_type",
    "error_message",
    "finish_reason",
];

/// Names with which an event says something of the call it happens in, and under which it is kept.
pub(super) fn of_event(name: &'static str, level: Level) -> Option<&'static str> {
    let counts = name.starts_with("gen_ai.")
        || SHORT.contains(&name)
        || matches!(name, "error.type" | "exception.type" | "exception.message");
    if counts {
        Some(name)
    } else if name == "error" && level == Level::ERROR {
        Some("exception.message")
    } else {
        None
    }
}
