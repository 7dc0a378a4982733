// The figures above: a number, its course, and how it stands against the range before.

import { callsWith } from "./address.js";
import { element } from "./dom.js";
import { age, amount, compact, count, duration, money, percent, plural } from "./format.js";
import { spark } from "./spark.js";

const link = (text, term = "", title = "") => element("a", { href: callsWith(term), title }, text);

/** Latencies are compared in whole milliseconds. */
const slower = (ms) => `latency:>${ms}ms`;

/** Of the calls that succeeded or failed, as `health` has it: one that was cancelled is neither. */
const successRate = ({ ok, errors }) => share(ok, ok + errors);

const share = (part, whole) => (whole > 0 ? part / whole : null);

/** Returns the tiles; `series` may be null. */
export function tiles({ stats, previous, failures, firing, in_flight: inFlight, lost, degraded }, series) {
  const buckets = series?.buckets ?? [];
  const before = previous && previous.calls > 0 ? previous : null;
  const minutes = series ? (series.step * buckets.length) / 60 : 0;
  const { tokens, latency_ms: latency, time_to_first_token_ms: first } = stats;
  const { retries } = failures;
  const [dearest, ...cheaper] = Object.entries(stats.cost ?? {}).sort(([, a], [, b]) => b - a);
  const currency = dearest?.[0];
  const oldest = inFlight[0]?.timestamp;
  // What goes wrong stands first; then how fast it goes, and what it takes.
  return [
    tile("Success rate", link(percent(successRate(stats)), "status:ok,error", "Of the calls that succeeded or failed"), {
      style: stats.errors > 0 ? "bad" : "good",
      course: spark(buckets.map(successRate)),
      change: points(successRate(stats), before ? successRate(before) : null),
      notes: [note(link(`${count(stats.ok)} ok`, "status:ok"), ", ", link(`${count(stats.errors)} failed`, "status:error"), ", ",
        link(`${count(stats.cancelled)} cancelled`, "status:cancelled"))],
    }),
    tile("Alerts firing", firing.length > 0 ? element("a", { href: "#firing" }, count(firing.length)) : "0", {
      style: firing.length > 0 ? "bad" : "",
      notes: [firing.length > 0 ? firing[0].rule : "all quiet"],
    }),
    tile("In flight", link(count(stats.in_flight), "status:in-flight"), {
      notes: [oldest ? note("the oldest for ", ticking(oldest)) : "none is going on"],
    }),
    tile("Interrupted", link(count(stats.interrupted), "status:interrupted"), {
      style: stats.interrupted > 0 ? "warn" : "",
      change: relative(stats.interrupted, before?.interrupted, "down", ["more", "fewer"]),
      notes: [stats.not_recorded > 0 ? note(link(`${count(stats.not_recorded)} not recorded`, "status:not-recorded")) : "their program ended first"],
    }),
    lost === undefined ? null : tile("Lost, degraded", `${count(lost)}, ${count(degraded)}`, {
      style: lost > 0 ? "bad" : degraded > 0 ? "warn" : "",
      notes: ["calls that were not written, and those written without bodies"],
    }),
    tile("Saved by retries", count(retries.saved), {
      notes: [`${count(retries.attempts)} further attempts`, retries.saved_by_fallback > 0 && `${count(retries.saved_by_fallback)} by a fallback`],
    }),
    tile("Latency, median", latency ? link(duration(latency.p50), slower(latency.p50), "The calls that took at least as long") : "–", {
      course: spark(buckets.map((bucket) => bucket.latency_ms?.p95 ?? null)),
      change: relative(latency?.p95, before?.latency_ms?.p95, "down", ["slower", "faster"], "p95"),
      notes: [latency && note("p95 ", link(duration(latency.p95), slower(latency.p95)), ", p99 ", link(duration(latency.p99), slower(latency.p99)))],
    }),
    tile("First token, median", first ? link(duration(first.p50)) : "–", {
      course: spark(buckets.map((bucket) => bucket.time_to_first_token_ms?.p95 ?? null)),
      change: relative(first?.p95, before?.time_to_first_token_ms?.p95, "down", ["slower", "faster"], "p95"),
      notes: [first && note("p95 ", link(duration(first.p95)))],
    }),
    tile("Output tokens a second", stats.tokens_per_second > 0 ? link(stats.tokens_per_second.toFixed(1), "status:ok") : "–", {
      course: spark(buckets.map((bucket) => bucket.tokens_per_second || null)),
      change: relative(stats.tokens_per_second, before?.tokens_per_second, "up", ["faster", "slower"]),
      notes: ["of calls that succeeded"],
    }),
    tile("Calls a minute", minutes > 0 ? link(rate(stats.calls / minutes)) : "–", {
      course: spark(buckets.map(({ ok, errors, cancelled }) => ok + errors + cancelled)),
      change: relative(stats.calls, before?.calls, null, ["more", "fewer"]),
      notes: [note(link(plural(stats.calls, "call")))],
    }),
    tile("Tokens", link(compact(tokens.total), "", count(tokens.total)), {
      course: spark(buckets.map((bucket) => bucket.prompt_tokens + bucket.completion_tokens)),
      change: relative(tokens.total, before?.tokens.total, null, ["more", "fewer"]),
      notes: [`${compact(tokens.prompt)} in, ${percent(share(tokens.cached, tokens.prompt))} of it cached`,
        `${compact(tokens.completion)} out${tokens.reasoning > 0 ? `, ${compact(tokens.reasoning)} reasoning` : ""}`],
    }),
    tile("Cost", dearest ? link(amount(dearest[1], currency)) : "–", {
      course: spark(buckets.map((bucket) => bucket.cost?.[currency] ?? 0)),
      change: currency ? relative(stats.cost[currency], before?.cost?.[currency], "down", ["more", "less"]) : null,
      notes: [cheaper.length > 0 && `and ${money(Object.fromEntries(cheaper))}`, stats.unpriced > 0 && `${plural(stats.unpriced, "call")} without a known price`],
    }),
  ].filter(Boolean);
}

/** How long ago, which `tick` keeps up to date. */
export const ticking = (seconds) => element("span", { "data-since": String(seconds), class: "age" }, age(seconds));

/** Brings all ages up to date. */
export function tick() {
  for (const one of document.querySelectorAll("[data-since].age")) {
    const text = age(Number(one.dataset.since));
    if (one.textContent !== text) one.textContent = text;
  }
}

const note = (...parts) => element("span", {}, ...parts);

const rate = (value) => (value >= 100 ? count(Math.round(value)) : value >= 1 ? value.toFixed(1) : value.toFixed(2));

function tile(name, value, { style = "", course = null, change = null, notes = [] }) {
  return element("div", { "data-key": name },
    element("dt", {}, name),
    element("dd", { class: `value ${style}` }, value),
    ...[course && element("dd", { class: "course" }, course),
      change && element("dd", { class: `change ${change.style}`, title: change.title }, change.text)].filter(Boolean),
    ...notes.filter(Boolean).map((one) => element("dd", { class: "note" }, one)));
}

/** The change of a share, in points. More is better. */
function points(now, before) {
  if (now === null || now === undefined || before === null || before === undefined) return null;
  const difference = (now - before) * 100;
  const title = `In the range before: ${percent(before)}`;
  if (Math.abs(difference) < 0.05) return { text: "= as before", style: "dim", title };
  const [sign, word, style] = difference > 0 ? ["▲", "better", "good"] : ["▼", "worse", "bad"];
  return { text: `${sign} ${Math.abs(difference).toFixed(1)} points ${word}`, style, title };
}

/** The change of a number: `better` is the direction that is, or null where neither is. `words` are for more and for less. */
function relative(now, before, better, [more, less], what = "") {
  if (now === null || now === undefined || before === null || before === undefined) return null;
  if (now === before) return { text: "= as before", style: "dim", title: "" };
  const rise = now > before;
  const style = better === null ? "dim" : rise === (better === "up") ? "good" : "bad";
  const word = [what, rise ? more : less].filter(Boolean).join(" ");
  const title = `In the range before: ${count(Math.round(before * 100) / 100)}${what === "p95" ? "ms" : ""}`;
  if (before === 0) return { text: `▲ ${word}`, style, title };
  const part = Math.abs(now - before) / before;
  if (part < 0.005) return { text: "= as before", style: "dim", title };
  const size = now / before >= 3 ? `${(now / before).toFixed(1)}×` : `${Math.round(part * 100)}%`;
  return { text: `${rise ? "▲" : "▼"} ${size} ${word}`, style, title };
}
