// The pane beside the list: what the selected call was asked, and what came of it, without leaving the list.

import { callPage, inPath } from "./address.js";
import { question } from "./ask.js";
import { button, element, plainLines } from "./dom.js";
import { compact, count, duration, plural, shortId, size, time } from "./format.js";
import { cost, latency, model, speed, statusMark, tick } from "./row.js";

/** So many characters of a text are shown; the call's own page has the rest. */
const PREVIEW = 3000;

/** A call is asked for after it has been selected for so long, so that going through the list asks for nothing. */
const REST = 120;

export class Peek {
  #pane;
  #close;
  #stop = null;
  #waits = null;
  #path = null;
  #content = null;

  constructor(pane, close) {
    this.#pane = pane;
    this.#close = close;
    setInterval(() => tick(pane), 1000);
  }

  hide() {
    this.#forget();
    this.#path = null;
    this.#pane.hidden = true;
  }

  /** Shows a call; one that is shown already is brought up to date. */
  show(call) {
    const isOther = call.path !== this.#path;
    const hasChanged = isOther || call.state !== this.#state;
    this.#path = call.path;
    this.#state = call.state;
    this.#pane.hidden = false;
    if (isOther) this.#content = element("p", { class: "dim" }, "…");
    this.#draw(call);
    if (!hasChanged) return;
    if (isOther) this.#pane.scrollTop = 0;
    this.#forget();
    this.#waits = setTimeout(() => this.#load(call), REST);
  }

  #state = null;

  /** What was asked for and is not wanted any more is not waited for. */
  #forget() {
    clearTimeout(this.#waits);
    this.#stop?.abort();
    this.#stop = null;
  }

  async #load(call) {
    const stop = new AbortController();
    this.#stop = stop;
    try {
      const more = { q: null, date: null, since: null, until: null };
      const answer = await question(`/api/call/${inPath(call.path)}`, more, stop.signal);
      if (!stop.signal.aborted) this.#content.replaceWith(this.#content = content(answer));
    } catch (error) {
      if (!stop.signal.aborted) this.#content.replaceWith(this.#content = element("p", { class: "bad" }, error.message));
    }
  }

  #draw(call) {
    const head = element("div", { class: "peek-head" },
      element("h2", {}, element("a", { href: callPage(call) }, shortId(call.call_id))),
      statusMark(call),
      button({ class: "close", "aria-label": "Close the pane" }, this.#close, "×"));
    this.#pane.replaceChildren(head, ...failure(call), facts(call), this.#content);
  }
}

function failure(call) {
  if (call.state !== "finished" || call.status !== "error") return [];
  const http = call.http_status ? `HTTP ${call.http_status}` : "";
  return [element("div", { class: "failure" },
    element("p", { class: "bad" }, [call.error_type, call.error_code, http].filter(Boolean).join(", ")),
    text(call.error_message || "(no message)"))];
}

function facts(call) {
  const answering = call.response_model && call.response_model !== call.model ? `answered by ${call.response_model}` : "";
  const tokens = call.total_tokens
    ? `${count(call.prompt_tokens)} in${call.cached_tokens ? ` (${compact(call.cached_tokens)} cached)` : ""}, ${count(call.completion_tokens)} out`
      + (call.reasoning_tokens ? ` (${compact(call.reasoning_tokens)} reasoning)` : "")
    : "";
  const rows = [
    ["Model", [model(call), call.provider, answering].filter(Boolean).join(", ")],
    ["Time", time(call.timestamp)],
    ["Latency", latency(call)],
    ["First token", call.time_to_first_token_ms ? duration(call.time_to_first_token_ms) : ""],
    ["Tokens", tokens],
    ["Tokens a second", speed(call)],
    ["Cost", cost(call)],
    ["Attempts", call.attempts > 1 ? count(call.attempts) : ""],
    ["Finish reason", call.finish_reason ?? ""],
    ["Session", call.session_id ?? ""],
  ];
  return element("dl", { class: "facts" }, ...rows.filter(([, value]) => value !== "").flatMap(([name, value]) => [
    element("dt", {}, name), element("dd", {}, value),
  ]));
}

/** Returns what was asked and answered. */
function content({ conversation, conversation_error: error, too_large: tooLarge, input_bytes: input, output_bytes: output }) {
  const made = element("div", { class: "peek-content" });
  if (tooLarge) {
    made.append(element("p", {}, `Too large to be shown here: request ${size(input ?? 0)}, response ${size(output ?? 0)}.`));
    return made;
  }
  if (!conversation) {
    made.append(element("p", { class: error ? "bad" : "dim" }, error ?? "Its bodies are not there."));
    return made;
  }
  const user = [...conversation.messages].reverse().find((message) => message.role === "user" && textOf(message) !== "");
  if (user) made.append(element("h3", {}, "Last user message"), text(textOf(user)));
  else if (conversation.raw_request) made.append(element("h3", {}, "Request"), text(conversation.raw_request));
  const others = conversation.messages.length - (user ? 1 : 0);
  const offered = conversation.tools.length;
  const more = [others > 0 && plural(others, "more message"), offered > 0 && `${plural(offered, "tool")} offered`].filter(Boolean);
  if (more.length > 0) made.append(element("p", { class: "dim" }, more.join(", ")));
  for (const choice of conversation.choices) {
    made.append(element("h3", {}, "Answer"), ...choice.parts.flatMap(part));
    if (choice.parts.length === 0) made.append(element("p", { class: "dim" }, "(empty)"));
  }
  if (conversation.choices.length === 0 && conversation.raw_response) {
    made.append(element("h3", {}, "Response"), text(conversation.raw_response));
  }
  return made;
}

const textOf = (message) => message.parts.filter((part) => part.type === "text").map((part) => part.text).join("\n");

function part(one) {
  switch (one.type) {
    case "text": return [text(one.text)];
    case "refusal": return [element("p", { class: "warn" }, "refused"), text(one.text)];
    case "reasoning": return [element("details", {}, element("summary", { class: "dim" }, "Reasoning"), text(one.text))];
    case "tool_call":
    case "server_tool_call": return [element("p", { class: "tool" }, "→ ", element("strong", {}, one.name)), text(indented(one.arguments))];
    case "tool_result": return [element("p", { class: "dim" }, `result of ${one.label}`), text(one.content)];
    case "media": return [element("p", { class: "dim" }, [one.media_type || "media", one.bytes ? size(one.bytes) : one.source].join(" "))];
    default: return [text(one.json)];
  }
}

function indented(json) {
  if (json.length > PREVIEW) return json;
  try { return JSON.stringify(JSON.parse(json), null, 2); } catch { return json; }
}

/** Returns a text, the beginning of it if it is long. */
function text(whole) {
  const shown = element("pre", {});
  shown.textContent = plainLines(whole.slice(0, PREVIEW));
  if (whole.length > PREVIEW) shown.append(element("span", { class: "dim" }, ` … ${count(whole.length - PREVIEW)} more characters`));
  return shown;
}
