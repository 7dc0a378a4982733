//! Prometheus' text format, version 0.0.4.

use std::fmt::{Display, Write};

use super::Sums;
use super::counts::OfPair;
use super::histogram::{Histogram, SECONDS, TOKENS};
use super::labels::Labels;

/// What retention does to a counter, for its help.
const KEPT: &str = "Calls whose folders retention removes stay counted until llmlogs serve ends.";

/// Returns all metrics as text.
pub(super) fn write(labels: &Labels, sums: &Sums) -> String {
    let mut text = Text::default();
    let pairs = || sums.counts.0.iter().map(|(id, of)| (labels.pair_of(*id), of));
    let named = |(provider, model): (&str, &str)| {
        vec![("provider", provider.to_owned()), ("model", model.to_owned())]
    };
    let with = |pair, name, value: &str| [named(pair), vec![(name, value.to_owned())]].concat();

    text.counter("llmlogs_calls_total", "Finished calls by status: ok, error or cancelled.");
    for (pair, of) in pairs() {
        for (status, count) in [("ok", of.ok), ("error", of.errors), ("cancelled", of.cancelled)] {
            text.sample("llmlogs_calls_total", &with(pair, "status", status), count);
        }
    }
    text.counter("llmlogs_errors_total", "Failed calls by the type of the error.");
    for (pair, of) in pairs() {
        for (error_type, count) in &of.by_type {
            text.sample(
                "llmlogs_errors_total",
                &with(pair, "error_type", labels.error_type_of(*error_type)),
                count,
            );
        }
    }
    text.counter(
        "llmlogs_tokens_total",
        "Tokens by kind: input has the cached ones, output has those of reasoning, which are counted apart as well.",
    );
    for (pair, of) in pairs() {
        for (kind, count) in [
            ("input", of.prompt_tokens),
            ("cached", of.cached_tokens),
            ("output", of.completion_tokens),
            ("reasoning", of.reasoning_tokens),
        ] {
            text.sample("llmlogs_tokens_total", &with(pair, "kind", kind), count);
        }
    }
    text.counter("llmlogs_cost_total", "Estimated cost by currency, of calls whose price is known.");
    for (pair, of) in pairs() {
        for (currency, amount) in &of.cost {
            text.sample("llmlogs_cost_total", &with(pair, "currency", labels.currency_of(*currency)), amount);
        }
    }

    // OpenTelemetry's names, as its exporters for Prometheus write them.
    let semantic = |(provider, model): (&str, &str)| {
        vec![("gen_ai_provider_name", provider.to_owned()), ("gen_ai_request_model", model.to_owned())]
    };
    let mut seconds = |name: &'static str, says: &str, of: fn(&OfPair) -> &Histogram| {
        text.kind(name, "histogram", says);
        for (pair, counts) in pairs() {
            let histogram = of(counts);
            text.histogram(name, &semantic(pair), histogram, &SECONDS, &(histogram.sum() as f64 / 1000.0));
        }
    };
    seconds("gen_ai_client_operation_duration_seconds", "From the start of a call to its end.", |of| {
        &of.latency
    });
    seconds(
        "gen_ai_client_operation_time_to_first_chunk_seconds",
        "From the start of a call to the first content of its streamed response.",
        |of| &of.first_token,
    );
    let usage = "gen_ai_client_token_usage";
    text.kind(usage, "histogram", "Input and output tokens of a call.");
    for (pair, of) in pairs() {
        for (kind, histogram) in [("input", &of.input_usage), ("output", &of.output_usage)] {
            let labels = [semantic(pair), vec![("gen_ai_token_type", kind.to_owned())]].concat();
            text.histogram(usage, &labels, histogram, &TOKENS, &histogram.sum());
        }
    }

    for (name, says, value) in [
        ("llmlogs_calls_in_flight", "Calls that are going on.", sums.gauges.in_flight),
        ("llmlogs_calls_interrupted", "Calls whose program ended before they did.", sums.gauges.interrupted),
        (
            "llmlogs_calls_not_recorded",
            "Calls that the older logger could not write.",
            sums.gauges.not_recorded,
        ),
        ("llmlogs_alerts_firing", "Alerts that fire.", sums.alerts_firing),
        ("llmlogs_unreadable", "Folders and files that could not be read for this answer.", sums.unreadable),
    ] {
        text.head(name, "gauge", says);
        text.sample(name, &[], value);
    }
    text.0
}

type Label = (&'static str, String);

#[derive(Debug, Default)]
struct Text(String);

impl Text {
    fn counter(&mut self, name: &str, says: &str) {
        self.kind(name, "counter", says);
    }

    /// Begins a metric that only grows.
    fn kind(&mut self, name: &str, kind: &str, says: &str) {
        self.head(name, kind, &format!("{says} {KEPT}"));
    }

    fn head(&mut self, name: &str, kind: &str, says: &str) {
        let says = says.replace('\\', "\\\\").replace('\n', "\\n");
        self.line(format_args!("# HELP {name} {says}\n# TYPE {name} {kind}\n"));
    }

    fn sample(&mut self, name: &str, labels: &[Label], value: impl Display) {
        self.0.push_str(name);
        for (place, (label, value)) in labels.iter().enumerate() {
            self.0.push(if place == 0 { '{' } else { ',' });
            self.line(format_args!("{label}=\"{}\"", escaped(value)));
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        self.line(format_args!(" {value}\n"));
    }

    fn histogram(
        &mut self,
        name: &str,
        labels: &[Label],
        of: &Histogram,
        bounds: &[f64; 14],
        sum: &dyn Display,
    ) {
        let counts = of.cumulative();
        // A model that never streams has no first token.
        if counts[14] == 0 {
            return;
        }
        let bounds = bounds.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(counts) {
            self.sample(&format!("{name}_bucket"), &[labels, &[("le", bound)]].concat(), count);
        }
        self.sample(&format!("{name}_sum"), labels, sum);
        self.sample(&format!("{name}_count"), labels, counts[14]);
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _infallible = self.0.write_fmt(text);
    }
}

/// Returns a label's value as it stands between quotes.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
