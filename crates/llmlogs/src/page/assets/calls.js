// The list of calls, newest first. New ones wait behind a button unless one is at the top.

import { callPage } from "./address.js";
import { ask } from "./ask.js";
import { element, plain } from "./dom.js";
import { beginFilter, showRoots } from "./filter.js";
import { count, duration, time } from "./format.js";
import { addKeys, beginKeys } from "./keys.js";
import { live } from "./live.js";

const COLUMNS = ["Time", "Call", "Status", "Model", "In", "Out", "Cost", "Latency", "First token", "Attempts", "Tools", "User message"];
const NUMBERS = new Set(["In", "Out", "Cost", "Latency", "First token", "Attempts"]);

const rows = document.getElementById("rows");
const newButton = document.getElementById("new");
const moreButton = document.getElementById("more");
const empty = document.getElementById("empty");

/** The rows shown, by path. */
const shown = new Map();
/** Calls that wait behind the button, by path. */
const waiting = new Map();
let next = null;

function status(call) {
  if (call.state !== "finished") return [call.state.replace("_", " "), call.state === "in_flight" ? "" : "warn"];
  if (call.status === "ok") return ["ok", "good"];
  if (call.status === "cancelled") return ["cancelled", "warn"];
  return [call.error_type || "error", "bad"];
}

function latency(call) {
  if (call.state === "finished") return duration(call.latency_ms);
  return call.state === "in_flight" && call.timestamp ? `${duration(Math.max(0, Date.now() - Math.round(call.timestamp * 1000)))}…` : "";
}

function row(call) {
  const done = call.state === "finished";
  const [word, style] = status(call);
  const cells = [
    time(call.timestamp),
    element("a", { href: callPage(call) }, call.call_id.replace(/^call_/, "")),
    element("span", { class: style }, word),
    call.fallback_model ? `${call.model} → ${call.fallback_model}` : call.model ?? "",
    done && call.total_tokens ? count(call.prompt_tokens) : "",
    done && call.total_tokens ? count(call.completion_tokens) : "",
    call.currency || call.total_cost ? `${Number((call.total_cost ?? 0).toPrecision(4))} ${call.currency ?? ""}` : "",
    latency(call),
    call.time_to_first_token_ms ? duration(call.time_to_first_token_ms) : "",
    call.attempts > 1 ? count(call.attempts) : "",
    (call.tool_names ?? []).join(", "),
    call.user_message ?? "",
  ];
  return element("tr", {}, ...cells.map((cell, place) => {
    const name = COLUMNS[place];
    return element("td", { class: NUMBERS.has(name) ? "number" : name === "User message" ? "text" : "name" }, cell);
  }));
}

function put(call, atTop) {
  const made = row(call);
  const old = shown.get(call.path);
  if (old) old.replaceWith(made);
  else if (atTop) rows.prepend(made);
  else rows.append(made);
  shown.set(call.path, made);
}

function showWaiting() {
  for (const call of waiting.values()) put(call, true);
  waiting.clear();
  newButton.hidden = true;
  empty.hidden = true;
}

function onCalls(events) {
  for (const { call, passes } of events) {
    if (!passes && !shown.has(call.path)) continue;
    if (shown.has(call.path)) put(call, true);
    else waiting.set(call.path, call);
  }
  if (waiting.size === 0) return;
  if (scrollY < 40) showWaiting();
  else {
    newButton.textContent = `${count(waiting.size)} new`;
    newButton.hidden = false;
  }
}

async function page(before) {
  const answer = await ask("/api/calls", before ? { before } : {});
  if (!answer) return;
  showRoots(answer.roots);
  if (!before) {
    rows.replaceChildren();
    shown.clear();
  }
  for (const call of answer.calls) put(call, false);
  next = answer.next;
  moreButton.hidden = next === null;
  empty.hidden = shown.size > 0;
  if (!answer.exists) empty.textContent = "The root does not exist yet. It is made by the first call that a program records.";
  else empty.textContent = location.search ? "No call passes the filter." : "No calls yet.";
  if (answer.unreadable.length > 0) {
    const problem = document.getElementById("problem");
    problem.textContent = plain(`${answer.unreadable.length} folders or files cannot be read: ${answer.unreadable[0]}`);
    problem.hidden = false;
  }
}

/** Moves the focus to another call: `step` rows on, past those that are not `wanted`. */
function move(step, wanted = () => true) {
  const links = [...rows.querySelectorAll("a")];
  const here = links.indexOf(document.activeElement);
  let place = here < 0 && step < 0 ? links.length : here;
  do place += step; while (links[place] && !wanted(links[place].closest("tr")));
  links[place]?.focus();
}

addKeys([
  { keys: ["j"], says: "Next call", run: () => move(1) },
  { keys: ["k"], says: "Call before", run: () => move(-1) },
  { keys: ["e"], says: "Next call that failed", run: () => move(1, (row) => row.querySelector(".bad")) },
]);

document.getElementById("head").append(element("tr", {}, ...COLUMNS.map((name) =>
  element("th", { scope: "col", class: NUMBERS.has(name) ? "number" : "" }, name))));
newButton.addEventListener("click", () => { showWaiting(); scrollTo(0, 0); });
moreButton.addEventListener("click", () => page(next));
beginFilter();
beginKeys();
live(onCalls, () => page(null));
page(null);
