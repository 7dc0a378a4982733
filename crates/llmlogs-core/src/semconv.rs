//! Names of span and event attributes, as constants.
//!
//! OpenTelemetry's semantic conventions for generative AI, v1.41
//! (<https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/>), names of its older versions that
//! libraries still use, OpenInference's
//! (<https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md>), and short names that people
//! write by hand.

/// The prefix of every name in OpenTelemetry's convention for generative AI.
pub const GEN_AI_PREFIX: &str = "gen_ai.";

// The provider, the operation and the caller.
pub const GEN_AI_OPERATION_NAME: &str = "gen_ai.operation.name";
pub const GEN_AI_PROVIDER_NAME: &str = "gen_ai.provider.name";
/// The provider, by its name until v1.36.
pub const GEN_AI_SYSTEM: &str = "gen_ai.system";
pub const GEN_AI_CONVERSATION_ID: &str = "gen_ai.conversation.id";
pub const GEN_AI_AGENT_NAME: &str = "gen_ai.agent.name";

// The request.
pub const GEN_AI_REQUEST_PREFIX: &str = "gen_ai.request.";
pub const GEN_AI_REQUEST_MODEL: &str = "gen_ai.request.model";
pub const GEN_AI_REQUEST_STREAM: &str = "gen_ai.request.stream";
pub const GEN_AI_REQUEST_TEMPERATURE: &str = "gen_ai.request.temperature";
pub const GEN_AI_REQUEST_MAX_TOKENS: &str = "gen_ai.request.max_tokens";
pub const GEN_AI_REQUEST_TOP_P: &str = "gen_ai.request.top_p";
pub const GEN_AI_REQUEST_TOP_K: &str = "gen_ai.request.top_k";
pub const GEN_AI_REQUEST_FREQUENCY_PENALTY: &str = "gen_ai.request.frequency_penalty";
pub const GEN_AI_REQUEST_PRESENCE_PENALTY: &str = "gen_ai.request.presence_penalty";
pub const GEN_AI_REQUEST_SEED: &str = "gen_ai.request.seed";
pub const GEN_AI_REQUEST_CHOICE_COUNT: &str = "gen_ai.request.choice.count";

pub const GEN_AI_REQUEST_STOP_SEQUENCES: &str = "gen_ai.request.stop_sequences";
pub const OPENAI_REQUEST_SERVICE_TIER: &str = "openai.request.service_tier";

// The response.
pub const GEN_AI_RESPONSE_PREFIX: &str = "gen_ai.response.";
pub const GEN_AI_RESPONSE_ID: &str = "gen_ai.response.id";
pub const GEN_AI_RESPONSE_MODEL: &str = "gen_ai.response.model";
pub const GEN_AI_RESPONSE_FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
pub const GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";
pub const OPENAI_RESPONSE_SERVICE_TIER: &str = "openai.response.service_tier";
/// As some libraries write it: one reason, not a list.
pub const GEN_AI_RESPONSE_FINISH_REASON: &str = "gen_ai.response.finish_reason";

// Token counts.
pub const GEN_AI_USAGE_PREFIX: &str = "gen_ai.usage.";
pub const GEN_AI_USAGE_INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
pub const GEN_AI_USAGE_OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
pub const GEN_AI_USAGE_TOTAL_TOKENS: &str = "gen_ai.usage.total_tokens";
pub const GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
pub const GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS: &str = "gen_ai.usage.cache_creation.input_tokens";
pub const GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: &str = "gen_ai.usage.reasoning.output_tokens";
/// By their names until v1.27.
pub const GEN_AI_USAGE_PROMPT_TOKENS: &str = "gen_ai.usage.prompt_tokens";
pub const GEN_AI_USAGE_COMPLETION_TOKENS: &str = "gen_ai.usage.completion_tokens";
/// As some libraries write them.
pub const GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: &str = "gen_ai.usage.cache_write.input_tokens";
pub const GEN_AI_USAGE_REASONING_TOKENS: &str = "gen_ai.usage.reasoning_tokens";

// Messages, for spans without bodies.
pub const GEN_AI_INPUT_MESSAGES: &str = "gen_ai.input.messages";
pub const GEN_AI_OUTPUT_PREFIX: &str = "gen_ai.output.";
pub const GEN_AI_OUTPUT_MESSAGES: &str = "gen_ai.output.messages";
pub const GEN_AI_OUTPUT_TYPE: &str = "gen_ai.output.type";
pub const GEN_AI_SYSTEM_INSTRUCTIONS: &str = "gen_ai.system_instructions";
pub const GEN_AI_TOOL_DEFINITIONS: &str = "gen_ai.tool.definitions";

// Metrics.
pub const GEN_AI_CLIENT_OPERATION_DURATION: &str = "gen_ai.client.operation.duration";
pub const GEN_AI_CLIENT_TOKEN_USAGE: &str = "gen_ai.client.token.usage";
pub const GEN_AI_TOKEN_TYPE: &str = "gen_ai.token.type";
/// The boundaries of a duration's histogram, in seconds.
/// <https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/>
pub const SECONDS_BOUNDARIES: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// The boundaries of the histogram of [`GEN_AI_CLIENT_TOKEN_USAGE`]: the powers of four.
pub const TOKENS_BOUNDARIES: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

// OpenTelemetry's general names.
pub const ERROR_TYPE: &str = "error.type";
/// The name of a span's event for a failure.
pub const EXCEPTION: &str = "exception";
pub const EXCEPTION_TYPE: &str = "exception.type";
pub const EXCEPTION_MESSAGE: &str = "exception.message";
pub const SERVER_ADDRESS: &str = "server.address";
pub const SERVER_PORT: &str = "server.port";
pub const HTTP_REQUEST_METHOD: &str = "http.request.method";
pub const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
/// The fields from which `tracing-opentelemetry` sets the span's name, kind and status.
pub const OTEL_NAME: &str = "otel.name";
pub const OTEL_KIND: &str = "otel.kind";
pub const OTEL_STATUS_CODE: &str = "otel.status_code";

// OpenInference's.
pub const INPUT_VALUE: &str = "input.value";
pub const INPUT_MIME_TYPE: &str = "input.mime_type";
pub const OUTPUT_VALUE: &str = "output.value";
pub const OUTPUT_MIME_TYPE: &str = "output.mime_type";
pub const OPENINFERENCE_SPAN_KIND: &str = "openinference.span.kind";
pub const LLM_PROVIDER: &str = "llm.provider";
pub const LLM_SYSTEM: &str = "llm.system";
pub const LLM_MODEL_NAME: &str = "llm.model_name";
pub const LLM_TOKEN_COUNT_PROMPT: &str = "llm.token_count.prompt";
pub const LLM_TOKEN_COUNT_COMPLETION: &str = "llm.token_count.completion";
pub const LLM_TOKEN_COUNT_TOTAL: &str = "llm.token_count.total";

// Short names.
pub const SHORT_PROMPT_TOKENS: &str = "prompt_tokens";
pub const SHORT_COMPLETION_TOKENS: &str = "completion_tokens";
pub const SHORT_TOTAL_TOKENS: &str = "total_tokens";
pub const SHORT_LATENCY_MS: &str = "latency_ms";
pub const SHORT_ERROR_TYPE: &str = "error_type";
pub const SHORT_ERROR_MESSAGE: &str = "error_message";
pub const SHORT_FINISH_REASON: &str = "finish_reason";
/// The usual name in `tracing` for an error in an event; it is read in events of level ERROR only.
pub const SHORT_ERROR: &str = "error";

/// The short names except [`SHORT_ERROR`], which depends on the event's level too.
pub const SHORT_NAMES: [&str; 7] = [
    SHORT_PROMPT_TOKENS,
    SHORT_COMPLETION_TOKENS,
    SHORT_TOTAL_TOKENS,
    SHORT_LATENCY_MS,
    SHORT_ERROR_TYPE,
    SHORT_ERROR_MESSAGE,
    SHORT_FINISH_REASON,
];

// Fields of enclosing spans.
pub const CONTEXT_USER_MESSAGE: &str = "user_message";
pub const CONTEXT_AGENT_ITERATION: &str = "agent_iteration";
/// Another name for [`CONTEXT_AGENT_ITERATION`].
pub const CONTEXT_ITERATION: &str = "iteration";
pub const CONTEXT_PHASE: &str = "phase";
pub const CONTEXT_ROUND: &str = "round";
pub const CONTEXT_TASK_ID: &str = "task_id";

/// Fields of enclosing spans that are recorded by default.
pub const DEFAULT_CONTEXT: [&str; 8] = [
    CONTEXT_USER_MESSAGE,
    CONTEXT_AGENT_ITERATION,
    CONTEXT_ITERATION,
    CONTEXT_PHASE,
    CONTEXT_ROUND,
    CONTEXT_TASK_ID,
    GEN_AI_CONVERSATION_ID,
    GEN_AI_AGENT_NAME,
];

/// OpenInference's span kind of a call to a model.
pub const OPENINFERENCE_KIND_LLM: &str = "LLM";

/// Returns whether `operation`, a value of [`GEN_AI_OPERATION_NAME`], encloses calls and is not a call itself.
pub fn is_context_operation(operation: &str) -> bool {
    matches!(operation, "invoke_agent" | "create_agent" | "execute_tool" | "invoke_workflow")
}
