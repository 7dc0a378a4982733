// What both pages need: the state in the address, questions, live events, and text put into place as text.

export const address = new URLSearchParams(location.search);

/** Returns the text with control characters as pictures, and those that change the direction of writing by name. */
export function plain(text) {
  return String(text ?? "").replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (c) => {
    const code = c.codePointAt(0);
    if (code === 9 || code === 10 || code === 13) return " ";
    if (code < 32) return String.fromCodePoint(0x2400 + code);
    return code === 127 ? "\u2421" : `[U+${code.toString(16).toUpperCase().padStart(4, "0")}]`;
  });
}

/** Returns a new element; its children are elements or texts. */
export function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value !== undefined && value !== "") made.setAttribute(key, value);
  }
  made.append(...children.map((child) => (child instanceof Node ? child : document.createTextNode(plain(child)))));
  return made;
}

/** Asks the server with the address's filter; shows what is wrong, and returns null then. */
export async function ask(path, more = {}) {
  const query = new URLSearchParams(address);
  for (const [key, value] of Object.entries(more)) query.set(key, value);
  const problem = document.getElementById("problem");
  try {
    const response = await fetch(`${path}?${query}`);
    const text = await response.text();
    if (!response.ok) {
      let message = text;
      try { message = JSON.parse(text).error; } catch { /* The guard answers in plain text. */ }
      throw new Error(message);
    }
    problem.hidden = true;
    return JSON.parse(text);
  } catch (error) {
    problem.textContent = plain(error.message);
    problem.hidden = false;
    return null;
  }
}

/** Fills the form from the address, and the links to other pages with it. */
export async function begin() {
  const form = document.getElementById("filter");
  for (const link of document.querySelectorAll("a[data-keep]")) link.search = address.toString();
  for (const name of ["q", "since", "until"]) form.elements[name].value = address.get(name) ?? "";
  // form-action is 'none': the address is set here.
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      if (value !== "" && !(name === "root" && value === "0")) query.set(name, value);
    }
    if (address.has("date")) query.set("date", address.get("date"));
    location.search = query.toString();
  });
}

/** Names the roots in the form. */
export function roots(paths) {
  const select = document.getElementById("filter").elements.root;
  if (select.options.length === paths.length) return;
  const chosen = address.get("root") ?? "0";
  select.replaceChildren(...paths.map((path, number) => {
    const option = element("option", { value: String(number) }, path);
    option.selected = String(number) === chosen;
    return option;
  }));
}

/** Calls `onCalls` with a list of events, and `onReset` if some are lost; neither while paused. */
export function live(onCalls, onReset) {
  const state = document.getElementById("state");
  const button = document.getElementById("pause");
  let paused = false;
  let missed = false;
  const source = new EventSource(`/api/live?${address}`);
  const show = (text) => { state.textContent = text; };
  source.addEventListener("hello", () => show(paused ? "paused" : "live"));
  source.addEventListener("error", () => show("not connected"));
  source.addEventListener("open", () => show(paused ? "paused" : "live"));
  source.addEventListener("reset", () => { if (paused) missed = true; else onReset(); });
  source.addEventListener("calls", (event) => {
    if (paused) missed = true; else onCalls(JSON.parse(event.data));
  });
  const toggle = () => {
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
    show(paused ? "paused" : "live");
    if (!paused && missed) { missed = false; onReset(); }
  };
  button.addEventListener("click", toggle);
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input, select, button, a") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " ") { event.preventDefault(); toggle(); }
    if (event.key === "/") { event.preventDefault(); document.getElementById("filter").elements.q.focus(); }
  });
}

export const count = (value) => (value ?? 0).toLocaleString("en");

export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(2)} s`;
  return `${Math.floor(ms / 60000)} m ${String(Math.floor((ms % 60000) / 1000)).padStart(2, "0")} s`;
}

export const percent = (share) => (share === null || share === undefined ? "–" : `${(share * 100).toFixed(1)} %`);

export const money = (costs) =>
  Object.entries(costs ?? {}).map(([currency, amount]) => `${Number(amount.toPrecision(4))} ${currency}`).join("  ");

export const time = (seconds) => (seconds ? new Date(seconds * 1000).toLocaleString() : "?");

/** Returns the address of the calls that pass the filter and this term, too. */
export function callsWith(term) {
  const query = new URLSearchParams(address);
  query.set("q", [address.get("q"), term].filter(Boolean).join(" "));
  return `/calls?${query}`;
}

/** Returns the address of a call's page. */
export function callPage(call) {
  const query = address.get("root") ? `?root=${encodeURIComponent(address.get("root"))}` : "";
  return `/call/${call.path.split("/").map(encodeURIComponent).join("/")}${query}`;
}

export const quoted = (text) => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
