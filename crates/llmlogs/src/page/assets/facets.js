// What the calls have in common, with counts: a click adds a term to the filter, or removes it.

import { address, go } from "./address.js";
import { button, element } from "./dom.js";
import { count } from "./format.js";
import { setValues } from "./suggest.js";
import { hasTerm, toggleTerm } from "./terms.js";

const NAMES = {
  status: "Status", model: "Model", provider: "Provider", error_type: "Error", tool: "Tool", finish_reason: "Finish reason",
  session: "Session",
};

/** So many values of a facet are shown unless more are wanted. */
const FEW = 8;

/** The facets that are folded, and those of which all values are shown. */
const folded = new Set();
const whole = new Set();
let last = {};

/** Counts that took long are not made often: so many times their duration passes between two. */
const SHARE = 10;

export class Facets {
  #pane;
  #ask;
  #stop = null;
  #timer = null;
  #due = false;

  /** `ask(signal)` returns the answer of `/api/facets`. */
  constructor(pane, ask) {
    this.#pane = pane;
    this.#ask = ask;
  }

  /** Counts anew at once, because the filter is another one. */
  now() {
    this.#stop?.abort();
    clearTimeout(this.#timer);
    this.#timer = null;
    draw(this.#pane);
    this.soon();
  }

  /** Counts anew soon. */
  soon() {
    if (this.#pane.hidden) return;
    this.#due = true;
    if (this.#timer === null) this.#count();
  }

  async #count() {
    const stop = new AbortController();
    this.#stop = stop;
    this.#due = false;
    this.#timer = 0;
    const start = performance.now();
    try {
      const answer = await this.#ask(stop.signal);
      if (stop.signal.aborted) return;
      last = answer;
      for (const [field, values] of Object.entries(answer)) {
        if (field in NAMES) setValues(field, values.map(({ value }) => term(field, value)).filter(Boolean));
      }
      draw(this.#pane);
    } catch {
      // The list says what is wrong.
      if (stop.signal.aborted) return;
    }
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.#due) this.soon();
    }, Math.max(500, SHARE * (performance.now() - start)));
  }
}

const term = (field, value) => (field === "status" ? value.replaceAll("_", "-") : value);

function draw(pane) {
  const focused = document.activeElement?.dataset?.facet;
  const made = Object.entries(NAMES).filter(([field]) => last[field]?.some(({ value }) => value)).map(([field, name]) => facet(pane, field, name));
  pane.replaceChildren(...made);
  if (focused) pane.querySelector(`[data-facet="${CSS.escape(focused)}"]`)?.focus();
}

function facet(pane, field, name) {
  const query = address.get("q") ?? "";
  const values = last[field].filter(({ value }) => value);
  const shown = whole.has(field) ? values : values.slice(0, FEW);
  const items = shown.map(({ value, calls }) => {
    const pressed = hasTerm(query, field, term(field, value));
    return element("li", {}, button({ class: `facet ${field === "status" ? term(field, value) : ""}`, "aria-pressed": String(pressed), title: value, "data-facet": `${field}:${value}` },
      () => go({ q: toggleTerm(address.get("q") ?? "", field, term(field, value)) }),
      element("span", { class: field === "status" ? `status ${term(field, value)}` : "value" }, field === "status" ? value.replaceAll(/[-_]/g, " ") : value),
      " ", element("span", { class: "calls" }, count(calls))));
  });
  const rest = values.length - shown.length;
  const more = button({ class: "more", "data-facet": `${field} more` }, () => {
    if (!whole.delete(field)) whole.add(field);
    draw(pane);
  }, rest > 0 ? `${rest} more` : "fewer");
  const made = element("details", { open: !folded.has(field) },
    element("summary", {}, name), element("ul", { "aria-label": name }, ...items),
    ...(values.length > FEW ? [more] : []));
  made.addEventListener("toggle", () => (made.open ? folded.delete(field) : folded.add(field)));
  return made;
}
