// From the answer of `/api/series` to charts: which lines they have, and how numbers are written.

import { amount, compact, count, duration } from "./format.js";

/**
 * Returns the charts: `{ title, kind, format, lines, total }`, where a line is `{ name, colour, values }` with a value or null
 * for each stretch of time. `kind` is `stacked` or `bands`.
 */
export function charts(series) {
  const of = (take) => series.buckets.map(take);
  const whole = (value) => count(Math.round(value));
  const made = [
    {
      title: "Calls by status", kind: "stacked", format: whole,
      lines: [
        { name: "failed", colour: "bad", values: of((bucket) => bucket.errors) },
        { name: "cancelled", colour: "warn", values: of((bucket) => bucket.cancelled) },
        { name: "ok", colour: "good", values: of((bucket) => bucket.ok) },
      ],
    },
    {
      title: "Latency", kind: "bands", format: duration,
      lines: [
        { name: "p50", colour: "chart-1", values: of((bucket) => bucket.latency_ms?.p50 ?? null) },
        { name: "p95", colour: "chart-4", values: of((bucket) => bucket.latency_ms?.p95 ?? null) },
        { name: "p99", colour: "chart-5", values: of((bucket) => bucket.latency_ms?.p99 ?? null) },
      ],
    },
    {
      title: "Tokens", kind: "stacked", format: compact,
      lines: [
        { name: "out", colour: "chart-4", values: of((bucket) => bucket.completion_tokens) },
        { name: "in", colour: "chart-1", values: of((bucket) => Math.max(0, bucket.prompt_tokens - bucket.cached_tokens)) },
        { name: "in, cached", colour: "chart-2", values: of((bucket) => bucket.cached_tokens) },
      ],
    },
  ];
  // Amounts of two currencies cannot stand on each other.
  const currencies = [...new Set(series.models.map(({ currency }) => currency))];
  for (const currency of currencies) {
    const models = series.models.filter((model) => model.currency === currency);
    made.push({
      title: `Cost by model, ${currency}`, kind: "stacked", format: (value) => amount(value, ""),
      lines: models.map(({ model, cost }, place) => ({ name: model, colour: `chart-${(place % 8) + 1}`, values: cost })),
    });
  }
  return made;
}

/** The start of each stretch of time, in Unix seconds. */
export const starts = (series) => series.buckets.map((_, place) => series.start + place * series.step);
