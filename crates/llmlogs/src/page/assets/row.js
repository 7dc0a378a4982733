// One call in one line: the columns of `llmlogs ls`, and the first token, tokens a second and attempts.

import { callPage } from "./address.js";
import { element } from "./dom.js";
import { age, amount, compact, duration, shortId, time } from "./format.js";

/** How a call ended, or how far it has come: a word, the class of its shape and colour. */
export function status(call) {
  if (call.state !== "finished") return [call.state.replaceAll("_", " "), call.state.replaceAll("_", "-")];
  if (call.status === "error") return [call.error_type || "error", "error"];
  return [call.status, call.status];
}

export const statusMark = (call) => {
  const [word, kind] = status(call);
  return element("span", { class: `status ${kind}` }, word);
};

/** How long a call took, or how long it has been going on; the latter ticks. */
export function latency(call) {
  if (call.state === "finished") return duration(call.latency_ms);
  if (call.state !== "in_flight" || !call.timestamp) return "";
  return element("span", { class: "age", "data-since": String(call.timestamp) }, age(call.timestamp));
}

/** Lets the ages of calls in flight below `root` tick. */
export function tick(root) {
  for (const shown of root.querySelectorAll("[data-since]")) shown.textContent = age(Number(shown.dataset.since));
}

export const model = (call) => (call.fallback_model ? `${call.model} → ${call.fallback_model}` : call.model ?? "");

// An unknown cost is not zero.
export const cost = (call) => (call.currency || call.total_cost ? amount(call.total_cost ?? 0, call.currency) : "");

/** Completion tokens a second, as `llmlogs stats` counts them. */
export function speed(call) {
  const counts = call.state === "finished" && call.status === "ok" && call.completion_tokens > 0 && call.latency_ms > 0;
  return counts ? (call.completion_tokens * 1000 / call.latency_ms).toFixed(1) : "";
}

const tokens = (call, value) => (call.state === "finished" && call.total_tokens > 0 ? compact(value) : "");

/** What went wrong, then what was asked. */
function message(call) {
  const parts = [];
  if (call.state === "finished" && call.status === "error" && call.error_message) {
    parts.push(element("span", { class: "bad" }, call.error_message));
  }
  if (call.user_message) parts.push(element("span", { class: parts.length > 0 ? "dim" : "" }, call.user_message));
  return parts;
}

/** How it ended, and after how many attempts if there were several: `ok ×2`, as the command has it. */
const statusCell = (call) => [statusMark(call), ...(call.attempts > 1 ? [element("span", { class: "attempts", title: `${call.attempts} attempts` }, ` ×${call.attempts}`)] : [])];

/** The columns: `kind` is the class by which a narrow window leaves some out; `of` returns a text, an element or several. */
export const COLUMNS = [
  { name: "Time", kind: "time", of: (call) => element("time", { title: new Date((call.timestamp || 0) * 1000).toString() }, time(call.timestamp)) },
  { name: "Call", kind: "id", of: (call) => element("a", { href: callPage(call), tabindex: "-1" }, shortId(call.call_id)) },
  { name: "Status", kind: "state", of: statusCell },
  { name: "Model", kind: "model", of: model },
  { name: "In", kind: "in number", of: (call) => tokens(call, call.prompt_tokens) },
  { name: "Out", kind: "out number", of: (call) => tokens(call, call.completion_tokens) },
  { name: "Cost", kind: "cost number", of: cost },
  { name: "Latency", kind: "latency number", of: latency },
  { name: "First token", kind: "first number", of: (call) => (call.time_to_first_token_ms ? duration(call.time_to_first_token_ms) : "") },
  { name: "Tok/s", kind: "speed number", of: speed },
  { name: "Tools", kind: "tools", of: (call) => (call.tool_names ?? []).join(", ") },
  { name: "Message", kind: "message", of: message },
];
