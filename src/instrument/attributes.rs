//! The span of a call, with the attributes of OpenTelemetry's GenAI convention, v1.41.
//!
//! <https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/>

use std::borrow::Cow;
use std::sync::LazyLock;

use tracing::{Span, field};

use llmlogs_core::api::{self, RequestView, dialect, parameters};
use llmlogs_core::capture::{CapturedResponse, Endpoint, ErrorType, Failure, SpanCapture};
use llmlogs_core::format::Usage;
use llmlogs_core::json::Json;
use llmlogs_core::redact::Redactor;
use llmlogs_core::semconv;

/// Returns the view of a request, empty without `body`.
pub(crate) fn request_view<'j>(endpoint: &Endpoint, body: Option<&'j Json<'j>>) -> RequestView<'j> {
    let view = body.map(|body| catch_panic(|| dialect(endpoint.api).request(endpoint, body)));
    view.unwrap_or_default()
}

/// Opens the span of a call to `endpoint`. `body` is the request, if it is JSON, and `view` its view.
pub(crate) fn open(endpoint: &Endpoint, view: &RequestView<'_>, body: Option<&Json<'_>>) -> Span {
    let model = model(endpoint, view).map(clean);
    let model = model.as_deref();
    let name = match model {
        Some(model) => format!("{} {model}", endpoint.operation),
        None => endpoint.operation.clone().into_owned(),
    };
    let (host, port) = address(&endpoint.base_url);
    let number = |json: Option<&Json<'_>>| json.and_then(Json::as_f64);
    let span = tracing::info_span!(
        target: SpanCapture::TARGET,
        "llm_call",
        { semconv::OTEL_NAME } = name,
        { semconv::OTEL_KIND } = "client",
        { semconv::OTEL_STATUS_CODE } = field::Empty,
        { semconv::GEN_AI_OPERATION_NAME } = &*endpoint.operation,
        { semconv::GEN_AI_PROVIDER_NAME } = &*endpoint.provider,
        { semconv::GEN_AI_REQUEST_MODEL } = model,
        { semconv::GEN_AI_REQUEST_STREAM } = view.stream.then_some(true),
        { semconv::GEN_AI_REQUEST_TEMPERATURE } = number(view.temperature),
        { semconv::GEN_AI_REQUEST_MAX_TOKENS } = view.max_tokens.and_then(Json::as_u64).map(signed),
        { semconv::GEN_AI_REQUEST_TOP_P } = field::Empty,
        { semconv::GEN_AI_REQUEST_TOP_K } = field::Empty,
        { semconv::GEN_AI_REQUEST_FREQUENCY_PENALTY } = field::Empty,
        { semconv::GEN_AI_REQUEST_PRESENCE_PENALTY } = field::Empty,
        { semconv::GEN_AI_REQUEST_SEED } = field::Empty,
        { semconv::GEN_AI_REQUEST_CHOICE_COUNT } = field::Empty,
        { semconv::GEN_AI_RESPONSE_ID } = field::Empty,
        { semconv::GEN_AI_RESPONSE_MODEL } = field::Empty,
        { semconv::GEN_AI_RESPONSE_FINISH_REASONS } = field::Empty,
        { semconv::GEN_AI_USAGE_INPUT_TOKENS } = field::Empty,
        { semconv::GEN_AI_USAGE_OUTPUT_TOKENS } = field::Empty,
        { semconv::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS } = field::Empty,
        { semconv::GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS } = field::Empty,
        { semconv::GEN_AI_USAGE_REASONING_OUTPUT_TOKENS } = field::Empty,
        { semconv::SERVER_ADDRESS } = host,
        { semconv::SERVER_PORT } = port.map(signed),
        { semconv::HTTP_REQUEST_METHOD } = field::Empty,
        { semconv::HTTP_RESPONSE_STATUS_CODE } = field::Empty,
        { semconv::ERROR_TYPE } = field::Empty,
    );
    if let (Some(body), false) = (body, span.is_disabled()) {
        for (name, value) in parameters(body) {
            match (value.as_u64(), value.as_f64()) {
                // The convention has these as whole numbers, and one choice as the default.
                (Some(1), _) if name == semconv::GEN_AI_REQUEST_CHOICE_COUNT => {}
                (Some(n), _)
                    if matches!(
                        name,
                        semconv::GEN_AI_REQUEST_SEED | semconv::GEN_AI_REQUEST_CHOICE_COUNT
                    ) =>
                {
                    span.record(name, signed(n));
                }
                (_, Some(n)) => {
                    span.record(name, n);
                }
                (_, None) => {}
            }
        }
    }
    span
}

/// Opens the span of a call to `endpoint` whose body is not looked at.
#[cfg(feature = "middleware")]
pub(crate) fn open_plain(endpoint: &Endpoint) -> Span {
    open(endpoint, &RequestView::default(), None)
}

/// Returns the model by the request's body, else by its path.
pub(super) fn model<'e>(endpoint: &'e Endpoint, view: &'e RequestView<'_>) -> Option<&'e str> {
    let in_body = view.model.as_deref().filter(|model| !model.is_empty());
    in_body.or(endpoint.path_model.as_deref())
}

/// Returns a text without what has the shape of a secret: models, ids and reasons are anybody's words.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    static RULES: LazyLock<Redactor> = LazyLock::new(Redactor::new);
    RULES.text(text)
}

/// Returns `count` as a signed number: `tracing-opentelemetry` exports unsigned ones as strings.
pub(super) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Returns host and port of a base URL; the port is the scheme's default if the URL names none.
pub(super) fn address(base_url: &str) -> (Option<&str>, Option<u64>) {
    let Some((scheme, authority)) = base_url.split_once("://") else {
        return (None, None);
    };
    let default = if scheme == "http" { 80 } else { 443 };
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (Some(host), port.parse().ok()),
        _ => (Some(authority), Some(default)),
    }
}

/// The attributes that a span gets when its call has ended.
#[derive(Default)]
pub(super) struct ResponseAttributes {
    id: Option<String>,
    pub(super) model: Option<String>,
    pub(super) reasons: Vec<String>,
    pub(super) usage: Option<Usage>,
    /// The tier that was billed.
    #[cfg(feature = "opentelemetry")]
    pub(super) service_tier: Option<String>,
    /// Whether the response was a stream.
    #[cfg(feature = "opentelemetry")]
    pub(super) streamed: bool,
    /// Why the call failed; its message quotes no body.
    pub(super) failure: Option<Failure>,
}

impl ResponseAttributes {
    pub(super) fn of(endpoint: &Endpoint, response: &CapturedResponse) -> Self {
        let mut attributes = catch_panic(|| Self::read(endpoint, response));
        // A panic drops the call; the panic is the reason for the failure.
        if let Some(failure) = &mut attributes.failure
            && failure.kind == ErrorType::Cancelled
            && std::thread::panicking()
        {
            *failure = Failure::new(ErrorType::Panic, "the program panicked while the call was open");
        }
        attributes
    }

    fn read(endpoint: &Endpoint, response: &CapturedResponse) -> Self {
        let answer = api::interpret(endpoint, response, api::Depth::Summary);
        let view = answer.view();
        let text = |text: &'_ str| (!text.is_empty()).then(|| clean(text).into_owned());
        let reasons = view.choices.iter().filter_map(|choice| text(&choice.finish_reason));
        ResponseAttributes {
            id: text(&view.id),
            model: text(&view.model),
            reasons: reasons.collect(),
            usage: view.usage,
            #[cfg(feature = "opentelemetry")]
            service_tier: text(&view.service_tier),
            #[cfg(feature = "opentelemetry")]
            streamed: answer.body().streamed,
            failure: answer.failure(&view),
        }
    }

    #[cfg(feature = "opentelemetry")]
    /// Returns the failure, unless it is that the caller did not want the answer any more.
    pub(super) fn error(&self) -> Option<&Failure> {
        self.failure.as_ref().filter(|failure| failure.kind != ErrorType::Cancelled)
    }
}

/// Runs `task`, which reads foreign bytes on the caller's thread or runs foreign code, and returns the default if it
/// panics: a bug there costs the span a few attributes and the program nothing.
pub(super) fn catch_panic<T: Default>(task: impl FnOnce() -> T) -> T {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(task)).unwrap_or_default()
}

/// Enters and leaves `span`, because its call has ended. Layers that measure spans by the last exit, as
/// `tracing-opentelemetry` does, would otherwise take the time at which the response's head had arrived for the end.
///
/// Runs on whichever thread ends the body, while it unwinds or is torn down too, where a layer may panic.
pub(crate) fn mark_end(span: &Span) {
    catch_panic(|| span.in_scope(|| {}));
}

/// Records on `span` how its call ended: the response's attributes and its failure. What OpenTelemetry's span of it has
/// already in a form of its own, if it is exported, is left out.
pub(super) fn record_end(
    span: &Span,
    response: &CapturedResponse,
    attributes: &ResponseAttributes,
    is_exported: bool,
) {
    let ResponseAttributes { id, model, reasons, usage, failure, .. } = attributes;
    let reasons = (!reasons.is_empty() && !is_exported).then(|| field::debug(reasons));
    let above_zero = |count: u64| (count > 0).then(|| signed(count));
    tracing::record_all!(
        span,
        { semconv::HTTP_RESPONSE_STATUS_CODE } = response.head.status.map(i64::from),
        { semconv::GEN_AI_RESPONSE_ID } = id,
        { semconv::GEN_AI_RESPONSE_MODEL } = model,
        { semconv::GEN_AI_RESPONSE_FINISH_REASONS } = reasons,
        { semconv::GEN_AI_USAGE_INPUT_TOKENS } = usage.map(|usage| signed(usage.prompt_tokens)),
        { semconv::GEN_AI_USAGE_OUTPUT_TOKENS } = usage.map(|usage| signed(usage.completion_tokens)),
        { semconv::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS } =
            usage.and_then(|usage| above_zero(usage.cached_tokens)),
        { semconv::GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS } =
            usage.and_then(|usage| above_zero(usage.cache_creation_tokens)),
        { semconv::GEN_AI_USAGE_REASONING_OUTPUT_TOKENS } =
            usage.and_then(|usage| above_zero(usage.reasoning_tokens)),
    );
    match failure {
        // No error, but the only sign of it that other layers have.
        Some(cancelled) if cancelled.kind == ErrorType::Cancelled && !is_exported => {
            span.record(semconv::ERROR_TYPE, &*cancelled.kind.word());
        }
        Some(failure) if failure.kind != ErrorType::Cancelled => record_failure(span, failure),
        _ => {}
    }
}

/// Records on `span` the status of a response that is not looked at any further.
#[cfg(feature = "middleware")]
pub(crate) fn record_status(span: &Span, status: u16) {
    span.record(semconv::HTTP_RESPONSE_STATUS_CODE, i64::from(status));
    if status >= 400 {
        record_failure(span, &Failure::new(ErrorType::Http(status), ""));
    }
}

/// Marks `span` failed. The message stays out of it: it may quote what was sent.
pub(crate) fn record_failure(span: &Span, failure: &Failure) {
    tracing::record_all!(
        span,
        { semconv::ERROR_TYPE } = &*failure.kind.word(),
        { semconv::OTEL_STATUS_CODE } = "ERROR"
    );
}
