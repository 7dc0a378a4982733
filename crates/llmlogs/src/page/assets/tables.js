// The tables of the overview: what fires, what goes on, what failed and why, and by whom.

import { callPage, callsWith } from "./address.js";
import { element } from "./dom.js";
import { compact, count, duration, money, percent, shortId, time } from "./format.js";
import { term } from "./terms.js";
import { ticking } from "./tiles.js";

/** How many rows a table has at most. */
const MOST = 20;

/** What a masked message has in the place of what differs. */
const MASKS = /<(?:n|id|url)>/;

/** So many words of a message are asked for. */
const WORDS = 4;

/** The calls of a cause: of its type, and with the longest words of its message that are not masked. */
function ofCause({ error_type: type, message }) {
  const words = (message ?? "").split(MASKS).flatMap((text) => text.split(/\s+/)).filter((word) => word.length > 2).map((word) => word.slice(0, 60));
  const longest = [...new Set(words)].sort((a, b) => b.length - a.length).slice(0, WORDS);
  return callsWith([type && term("error_type", type), "status:error", ...longest.map((word) => term("text", word))].filter(Boolean).join(" "));
}

const link = (text, field, value) => element("a", { href: callsWith(term(field, value)) }, text);

/** A table; columns are {name, style, of}, where `of` returns a text or an element, and `key` tells rows apart. */
export function table(title, columns, rows, key, most = MOST) {
  if (rows.length === 0) return null;
  const head = columns.map(({ name, style }) => element("th", { class: style, scope: "col" }, name));
  const body = rows.slice(0, most).map((row) =>
    element("tr", { "data-key": key(row) || "(none)" }, ...columns.map(({ style, of }) => element("td", { class: style }, of(row)))));
  const more = rows.length > most ? [element("p", { class: "dim small" }, `${count(rows.length - most)} more`)] : [];
  return element("section", { "data-key": title },
    element("h2", {}, title),
    element("div", { class: "wide tall", tabindex: "0", role: "region", "aria-label": title },
      element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body))),
    ...more);
}

export function firingTable({ firing }) {
  return table("Alerts firing", [
    { name: "State", style: "name", of: () => element("span", { class: "badge firing" }, "firing") },
    { name: "For", style: "number", of: (row) => ticking(row.first.timestamp) },
    { name: "Rule", style: "name", of: (row) => row.rule },
    { name: "Message", style: "text rest", of: (row) => row.message },
  ], firing, (row) => `${row.file} ${row.rule}`);
}

/** The tables that tell what is wrong. */
export function firstTables({ failures, in_flight: inFlight }) {
  return [causes(failures), calls(inFlight)].filter(Boolean);
}

function causes(failures) {
  return table("Causes of failure", [
    { name: "Times", style: "number", of: (row) => element("a", { href: ofCause(row) }, count(row.count)) },
    { name: "Share", style: "number", of: (row) => percent(row.count / failures.failures) },
    { name: "Type", style: "name", of: (row) => link([row.error_type, row.http_status].filter(Boolean).join(" "), "error_type", row.error_type) },
    { name: "Message", style: "line rest", of: (row) => (row.message ? element("span", { title: row.message }, row.message) : element("span", { class: "dim" }, "(no message)")) },
    { name: "First", style: "name", of: (row) => time(row.first) },
    { name: "Last", style: "name", of: (row) => time(row.last) },
    { name: "Example", style: "name", of: (row) => element("a", { href: callPage({ path: pathIn(row.example) }) }, "newest") },
  ], failures.causes, (row) => `${row.error_type} ${row.http_status} ${row.error_code} ${row.message}`);
}

/** The path of a call's folder within its root. */
const pathIn = (folder) => folder.split("/").slice(-3).join("/");

function calls(inFlight) {
  return table("In flight, the oldest first", [
    { name: "Age", style: "number", of: (row) => ticking(row.timestamp) },
    { name: "Call", style: "name", of: (row) => element("a", { href: callPage(row) }, shortId(row.call_id)) },
    { name: "Model", style: "name rest", of: (row) => row.model ?? "" },
  ], inFlight, (row) => row.path);
}

/** The tables that tell by whom. */
export function tables({ stats }) {
  return [
    groups("Models", "model", "model", stats.by_model),
    groups("Providers", "provider", "provider", stats.by_provider ?? []),
    groups("Sessions", "session_id", "session", stats.by_session),
    table("Tools", [
      { name: "Name", style: "name", of: (row) => link(row.tool, "tool", row.tool) },
      { name: "Calls", style: "number", of: (row) => link(count(row.calls), "tool", row.tool) },
    ], stats.by_tool, (row) => row.tool),
    table("Finish reasons", [
      { name: "Reason", style: "name", of: (row) => (row.finish_reason ? link(row.finish_reason, "finish_reason", row.finish_reason) : "(none)") },
      { name: "Calls", style: "number", of: (row) => count(row.calls) },
    ], stats.by_finish_reason, (row) => row.finish_reason),
  ].filter(Boolean);
}

function groups(title, key, field, rows) {
  const failed = (row) => {
    if (row.errors === 0) return "0";
    return element("a", { class: "bad", href: callsWith(`${term(field, row[key])} status:error`) }, count(row.errors));
  };
  return table(title, [
    { name: "Name", style: "name", of: (row) => (row[key] === "" ? element("span", { class: "dim" }, "(none)") : link(row[key], field, row[key])) },
    { name: "Calls", style: "number", of: (row) => count(row.calls) },
    { name: "Failed", style: "number", of: failed },
    { name: "Ok", style: "number", of: (row) => percent(row.success_rate) },
    { name: "Tokens", style: "number", of: (row) => compact(row.tokens.total) },
    { name: "p50", style: "number", of: (row) => duration(row.latency_ms?.p50) },
    { name: "p95", style: "number", of: (row) => duration(row.latency_ms?.p95) },
    { name: "Cost", style: "number", of: (row) => money(row.cost) },
  ], rows, (row) => row[key]);
}
