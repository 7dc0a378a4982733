//! The metrics of calls, by OpenTelemetry's convention, through the global meter.
//!
//! <https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/>

use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::metrics::{Histogram, MeterProvider};
use opentelemetry::{KeyValue, global};

use llmlogs_core::capture::Endpoint;
use llmlogs_core::semconv;

use crate::instrument::attributes::{ResponseAttributes, address, signed};

/// A call that has ended.
pub(super) struct Operation<'o> {
    pub(super) endpoint: &'o Endpoint,
    /// The request's model.
    pub(super) model: Option<&'o str>,
    /// How long it took.
    pub(super) seconds: f64,
    pub(super) attributes: &'o ResponseAttributes,
}

#[derive(Clone)]
struct Instruments {
    duration: Histogram<f64>,
    tokens: Histogram<u64>,
}

type Provider = Arc<dyn MeterProvider + Send + Sync>;

/// Returns the instruments of the global meter provider; they are made once for each that the program sets.
fn instruments() -> Instruments {
    static KNOWN: Mutex<Option<(Provider, Instruments)>> = Mutex::new(None);
    let provider = global::meter_provider();
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    match &*known {
        Some((of, instruments)) if Arc::ptr_eq(of, &provider) => instruments.clone(),
        _ => {
            let meter = provider.meter("tracing-llmlogs");
            let instruments = Instruments {
                duration: meter
                    .f64_histogram(semconv::GEN_AI_CLIENT_OPERATION_DURATION)
                    .with_unit("s")
                    .with_description("GenAI operation duration.")
                    .with_boundaries(semconv::SECONDS_BOUNDARIES.to_vec())
                    .build(),
                tokens: meter
                    .u64_histogram(semconv::GEN_AI_CLIENT_TOKEN_USAGE)
                    .with_unit("{token}")
                    .with_description("Number of input and output tokens used.")
                    .with_boundaries(semconv::TOKENS_BOUNDARIES.to_vec())
                    .build(),
            };
            *known = Some((provider, instruments.clone()));
            instruments
        }
    }
}

/// Counts a call.
pub(super) fn record(operation: &Operation<'_>) {
    let Operation { endpoint, model, seconds, attributes } = operation;
    let instruments = instruments();
    let (host, port) = address(&endpoint.base_url);
    let text = |name, value: Option<&str>| Some(KeyValue::new(name, value?.to_owned()));
    let common = [
        text(semconv::GEN_AI_OPERATION_NAME, Some(&endpoint.operation)),
        text(semconv::GEN_AI_PROVIDER_NAME, Some(&endpoint.provider)),
        text(semconv::GEN_AI_REQUEST_MODEL, *model),
        text(semconv::GEN_AI_RESPONSE_MODEL, attributes.model.as_deref()),
        text(semconv::SERVER_ADDRESS, host),
        port.map(|port| KeyValue::new(semconv::SERVER_PORT, signed(port))),
    ];
    let mut common: Vec<KeyValue> = common.into_iter().flatten().collect();
    for (count, kind) in attributes
        .usage
        .into_iter()
        .flat_map(|usage| [(usage.prompt_tokens, "input"), (usage.completion_tokens, "output")])
        .filter(|(count, _)| *count > 0)
    {
        common.push(KeyValue::new(semconv::GEN_AI_TOKEN_TYPE, kind));
        instruments.tokens.record(count, &common);
        common.pop();
    }
    if let Some(failure) = attributes.error() {
        common.push(KeyValue::new(semconv::ERROR_TYPE, failure.kind.word().into_owned()));
    }
    instruments.duration.record(*seconds, &common);
}
