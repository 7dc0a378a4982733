// The overview: the numbers of `llmlogs stats` and `llmlogs failures`.

import { ask, begin, callPage, callsWith, count, duration, element, live, money, percent, plain, quoted, roots, time } from "./common.js";

/** How long to wait for further events before counting anew, in milliseconds. */
const PAUSE = 1000;

/** After a count, at least this many times its duration passes before the next one. */
const SHARE = 10;

function tile(name, value, notes = [], style = "") {
  return element("div", {}, element("dt", {}, name), element("dd", { class: style }, value),
    ...notes.filter(Boolean).map((note) => element("dd", { class: "dim" }, note)));
}

function tiles(stats, failures) {
  const { tokens, latency_ms: latency, time_to_first_token_ms: first } = stats;
  const link = (number, term) => element("a", { href: callsWith(term) }, count(number));
  const retries = failures.retries;
  return [
    tile("Success rate", percent(stats.success_rate), [`${count(stats.ok)} ok, ${count(stats.errors)} failed, ${count(stats.cancelled)} cancelled`],
      stats.errors > 0 ? "bad" : "good"),
    tile("Calls", count(stats.calls), [stats.first && `${time(stats.first)} to ${time(stats.last)}`]),
    tile("Failed", link(stats.errors, "status:error")),
    tile("In flight", link(stats.in_flight, "status:in-flight")),
    tile("Interrupted", link(stats.interrupted, "status:interrupted"), [stats.not_recorded > 0 && `${count(stats.not_recorded)} not recorded`]),
    tile("Latency, median", duration(latency?.p50), latency ? [`p95 ${duration(latency.p95)}, p99 ${duration(latency.p99)}`] : []),
    tile("First token, median", duration(first?.p50), first ? [`p95 ${duration(first.p95)}`] : []),
    tile("Tokens", count(tokens.total), [`${count(tokens.prompt)} in (${count(tokens.cached)} cached), ${count(tokens.completion)} out (${count(tokens.reasoning)} reasoning)`]),
    tile("Output tokens a second", stats.tokens_per_second > 0 ? stats.tokens_per_second.toFixed(1) : "–"),
    tile("Cost", money(stats.cost) || "–", [stats.unpriced > 0 && `${count(stats.unpriced)} calls without a known price`]),
    tile("Saved by retries", count(retries.saved), [`${count(retries.attempts)} more attempts, ${count(retries.saved_by_fallback)} saved by a fallback`]),
  ];
}

/** A table; columns are {name, number, style, of}, where `of` returns a text or an element. */
function table(title, columns, rows) {
  if (rows.length === 0) return [];
  const cell = (column, row) => element("td", { class: column.number ? "number" : column.style }, column.of(row));
  return [
    element("h2", {}, title),
    element("div", { class: "wide", tabindex: "0", role: "region", "aria-label": title }, element("table", {},
      element("thead", {}, element("tr", {}, ...columns.map((column) =>
        element("th", { class: column.number ? "number" : "", scope: "col" }, column.name)))),
      element("tbody", {}, ...rows.map((row) => element("tr", {}, ...columns.map((column) => cell(column, row))))))),
  ];
}

function groups(title, key, field, rows) {
  const name = (row) => (row[key] === "" ? "(none)" : element("a", { href: callsWith(`${field}:${quoted(row[key])}`) }, row[key]));
  return table(title, [
    { name: "Name", style: "name", of: name },
    { name: "Calls", number: true, of: (row) => count(row.calls) },
    { name: "Failed", number: true, of: (row) => count(row.errors) },
    { name: "Ok", number: true, of: (row) => percent(row.success_rate) },
    { name: "Tokens", number: true, of: (row) => count(row.tokens.total) },
    { name: "p50", number: true, of: (row) => duration(row.latency_ms?.p50) },
    { name: "p95", number: true, of: (row) => duration(row.latency_ms?.p95) },
    { name: "Cost", style: "name", of: (row) => money(row.cost) },
  ], rows.slice(0, 20));
}

function tables({ stats, failures, firing, in_flight: inFlight }) {
  return [
    ...table("Alerts firing", [
      { name: "Since", style: "name", of: (row) => time(row.first.timestamp) },
      { name: "Rule", style: "name", of: (row) => row.rule },
      { name: "Message", style: "text", of: (row) => element("span", { class: "bad" }, row.message) },
    ], firing),
    ...table("In flight, the longest first", [
      { name: "Age", number: true, of: (row) => duration(Math.max(0, Date.now() - Math.round(row.timestamp * 1000))) },
      { name: "Call", style: "name", of: (row) => element("a", { href: callPage(row) }, row.call_id.replace(/^call_/, "")) },
    ], inFlight),
    ...table("Causes of failure", [
      { name: "Times", number: true, of: (row) => count(row.count) },
      { name: "Type", style: "name", of: (row) => element("a", { href: callsWith(`error_type:${quoted(row.error_type)}`) }, row.error_type) },
      { name: "HTTP", number: true, of: (row) => row.http_status ?? "" },
      { name: "Message", style: "text", of: (row) => row.message || "(no message)" },
      { name: "First", style: "name", of: (row) => time(row.first) },
      { name: "Last", style: "name", of: (row) => time(row.last) },
    ], failures.causes.slice(0, 20)),
    ...groups("Models", "model", "model", stats.by_model),
    ...groups("Sessions", "session_id", "session", stats.by_session),
    ...table("Tools", [
      { name: "Name", style: "name", of: (row) => element("a", { href: callsWith(`tool:${quoted(row.tool)}`) }, row.tool) },
      { name: "Calls", number: true, of: (row) => count(row.calls) },
    ], stats.by_tool.slice(0, 20)),
    ...table("Finish reasons", [
      { name: "Reason", style: "name", of: (row) => row.finish_reason || "(none)" },
      { name: "Calls", number: true, of: (row) => count(row.calls) },
    ], stats.by_finish_reason),
    ...table("Calls by hour", [
      { name: "Hour", style: "name", of: (row) => row.hour },
      { name: "Calls", number: true, of: (row) => count(row.calls) },
      { name: "Failed", number: true, of: (row) => count(row.errors) },
    ], stats.by_hour.slice(-48)),
  ];
}

async function show() {
  const answer = await ask("/api/overview");
  if (!answer) return;
  roots(answer.roots);
  const { stats, failures } = answer;
  const found = stats.calls + stats.in_flight + stats.interrupted + stats.not_recorded;
  const empty = document.getElementById("empty");
  empty.hidden = found > 0;
  if (!answer.exists) empty.textContent = "The root does not exist yet. It is made by the first call that a program records.";
  else if (found === 0) empty.textContent = location.search ? "No call passes the filter." : "No calls yet.";
  document.getElementById("tiles").replaceChildren(...(found ? tiles(stats, failures) : []));
  document.getElementById("tables").replaceChildren(...(found ? tables(answer) : []));
  if (answer.unreadable.length > 0) {
    const problem = document.getElementById("problem");
    problem.textContent = plain(`${answer.unreadable.length} folders or files cannot be read: ${answer.unreadable[0]}`);
    problem.hidden = false;
  }
}

let timer = null;
let lasted = 0;

/** Counts anew soon, once for all events until then. */
function soon() {
  timer ??= setTimeout(async () => {
    const start = performance.now();
    await show();
    lasted = performance.now() - start;
    timer = null;
  }, Math.max(PAUSE, SHARE * lasted));
}

begin();
live(soon, soon);
show();
