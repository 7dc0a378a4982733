//! The span of a call, with the attributes of OpenTelemetry's GenAI convention, v1.41.
//!
//! <https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/>

use tracing::{Span, field};

use llmlogs_core::api::{self, RequestView, dialect, parameters};
#[cfg(feature = "middleware")]
use llmlogs_core::capture::ErrorType;
use llmlogs_core::capture::{CapturedResponse, Endpoint, Failure, SpanCapture};
use llmlogs_core::format::Usage;
use llmlogs_core::json::Json;

/// Opens the span of a call to `endpoint`; `body` is the request, where it is JSON.
pub(crate) fn open(endpoint: &Endpoint, body: Option<&Json<'_>>) -> Span {
    let view = body.map(|body| catch_panic(|| dialect(endpoint.api).request(endpoint, body)));
    let view = view.unwrap_or_default();
    let model = model(endpoint, &view);
    let name = match model {
        Some(model) => format!("{} {model}", endpoint.operation),
        None => endpoint.operation.clone().into_owned(),
    };
    let (host, port) = address(&endpoint.base_url);
    let number = |json: Option<&Json<'_>>| json.and_then(Json::as_f64);
    let span = tracing::info_span!(
        target: SpanCapture::TARGET,
        "llm_call",
        otel.name = name,
        otel.kind = "client",
        otel.status_code = field::Empty,
        gen_ai.operation.name = &*endpoint.operation,
        gen_ai.provider.name = &*endpoint.provider,
        gen_ai.request.model = model,
        gen_ai.request.stream = view.stream.then_some(true),
        gen_ai.request.temperature = number(view.temperature),
        gen_ai.request.max_tokens = view.max_tokens.and_then(Json::as_u64).map(whole),
        gen_ai.request.top_p = field::Empty,
        gen_ai.request.top_k = field::Empty,
        gen_ai.request.frequency_penalty = field::Empty,
        gen_ai.request.presence_penalty = field::Empty,
        gen_ai.request.seed = field::Empty,
        gen_ai.request.choice.count = field::Empty,
        gen_ai.response.id = field::Empty,
        gen_ai.response.model = field::Empty,
        gen_ai.response.finish_reasons = field::Empty,
        gen_ai.usage.input_tokens = field::Empty,
        gen_ai.usage.output_tokens = field::Empty,
        gen_ai.usage.cache_read.input_tokens = field::Empty,
        gen_ai.usage.cache_creation.input_tokens = field::Empty,
        gen_ai.usage.reasoning.output_tokens = field::Empty,
        server.address = host,
        server.port = port.map(whole),
        http.request.method = field::Empty,
        http.response.status_code = field::Empty,
        error.type = field::Empty,
    );
    if let (Some(body), false) = (body, span.is_disabled()) {
        for (name, value) in parameters(body) {
            match (value.as_u64(), value.as_f64()) {
                // The convention has these as whole numbers, and one choice as the default.
                (Some(1), _) if name == "gen_ai.request.choice.count" => {}
                (Some(n), _) if matches!(name, "gen_ai.request.seed" | "gen_ai.request.choice.count") => {
                    span.record(name, whole(n));
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

fn model<'e>(endpoint: &'e Endpoint, view: &'e RequestView<'_>) -> Option<&'e str> {
    let in_body = view.model.as_deref().filter(|model| !model.is_empty());
    in_body.or(endpoint.path_model.as_deref())
}

/// A count as `tracing-opentelemetry` exports it as a number: of unsigned ones it makes strings.
fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Host and port of a base URL, the scheme's default port where it names none.
fn address(base_url: &str) -> (Option<&str>, Option<u64>) {
    let Some((scheme, authority)) = base_url.split_once("://") else {
        return (None, None);
    };
    let default = if scheme == "http" { 80 } else { 443 };
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (Some(host), port.parse().ok()),
        _ => (Some(authority), Some(default)),
    }
}

/// What a span tells of how its call ended.
#[derive(Default)]
struct ResponseAttributes {
    id: Option<String>,
    model: Option<String>,
    reasons: Vec<String>,
    usage: Option<Usage>,
    failure: Option<Failure>,
}

impl ResponseAttributes {
    fn of(endpoint: &Endpoint, response: &CapturedResponse) -> Self {
        let answer = api::interpret(endpoint, response, api::Depth::Summary);
        let view = answer.view();
        let text = |text: &'_ str| (!text.is_empty()).then(|| text.to_owned());
        let reasons = view.choices.iter().filter_map(|choice| text(&choice.finish_reason));
        ResponseAttributes {
            id: text(&view.id),
            model: text(&view.model),
            reasons: reasons.collect(),
            usage: view.usage,
            failure: answer.failure(&view),
        }
    }
}

/// Runs what reads other people's bytes on the caller's thread: a bug there costs the span a few attributes and
/// the program nothing.
fn catch_panic<T: Default>(read: impl FnOnce() -> T) -> T {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).unwrap_or_default()
}

/// Records on `span` how its call ended: the response's attributes, and its failure.
pub(crate) fn record_end<'s>(
    spans: impl Iterator<Item = &'s Span>,
    endpoint: &Endpoint,
    outcome: &CapturedResponse,
) {
    let ResponseAttributes { id, model, reasons, usage, failure } =
        catch_panic(|| ResponseAttributes::of(endpoint, outcome));
    let reasons = (!reasons.is_empty()).then(|| field::debug(reasons));
    let above_zero = |count: u64| (count > 0).then(|| whole(count));
    for span in spans {
        tracing::record_all!(
            span,
            http.response.status_code = outcome.head.status.map(i64::from),
            gen_ai.response.id = id,
            gen_ai.response.model = model,
            gen_ai.response.finish_reasons = reasons,
            gen_ai.usage.input_tokens = usage.map(|usage| whole(usage.prompt_tokens)),
            gen_ai.usage.output_tokens = usage.map(|usage| whole(usage.completion_tokens)),
            gen_ai.usage.cache_read.input_tokens = usage.and_then(|usage| above_zero(usage.cached_tokens)),
            gen_ai.usage.cache_creation.input_tokens =
                usage.and_then(|usage| above_zero(usage.cache_creation_tokens)),
            gen_ai.usage.reasoning.output_tokens = usage.and_then(|usage| above_zero(usage.reasoning_tokens)),
        );
        if let Some(failure) = &failure {
            record_failure(span, failure);
        }
    }
}

/// Records on `span` the status of a response that is not looked at any further.
#[cfg(feature = "middleware")]
pub(crate) fn record_status(span: &Span, status: u16) {
    span.record("http.response.status_code", i64::from(status));
    if status >= 400 {
        record_failure(span, &Failure::new(ErrorType::Http(status), ""));
    }
}

/// Marks `span` failed. The message stays out of it: it may quote what was sent.
pub(crate) fn record_failure(span: &Span, failure: &Failure) {
    tracing::record_all!(span, error.type = &*failure.kind.word(), otel.status_code = "ERROR");
}
