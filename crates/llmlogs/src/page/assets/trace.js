// A session's waterfall: keys, zooming by drag, and what happens in the session while it is looked at.
//
// The server draws it. When something happens in the session, the page is asked for anew and put in the place of what is
// there; what is folded stays folded.

import { root } from "./address.js";
import { button, element } from "./dom.js";
import { plural } from "./format.js";
import { addKeys } from "./keys.js";
import { showState } from "./live.js";
import "./other.js";
import { stream } from "./stream.js";

/** The time between two drawings, in milliseconds: so many times as long as the last one took, within these. */
const SHARE = 4;
const PAUSE = 2000;
const LONGEST = 20_000;

/** A bar grows so many times a second. */
const GROWS = 4;

const trace = () => document.getElementById("trace");
const session = trace()?.dataset.session;
const follows = () => trace().dataset.follows !== undefined;
const inFlight = () => Number(trace().dataset.inFlight);

/** What the header shows. */
const state = {
  paused: false,
  isConnected: null,
  onState() {},
  connect(is) {
    state.isConnected = is;
    state.onState();
  },
  pause(paused) {
    state.paused = paused;
    state.onState();
    say();
    if (pending.size > 0) later();
  },
};
let pending = new Set();
let drawing = false;
let next = 0;

/** Says what has not been drawn yet, and whether it will be. */
function say() {
  const place = document.getElementById("follow");
  if (!place) return;
  const said = [];
  if (pending.size > 0 && (state.paused || !follows())) {
    said.push(button({ class: "quiet" }, () => (follows() ? draw() : location.assign(location.pathname + location.search)),
      `${plural(pending.size, "newer call")}: show`));
  }
  place.replaceChildren(...said.map((part) => (part instanceof Node ? part : element("span", {}, part))));
}

function heard({ calls }) {
  if (calls) {
    const ours = calls.filter(({ call }) => call.path.startsWith(`${session}/`));
    if (ours.length === 0) return;
    for (const { call } of ours) pending.add(call.path);
  } else if (next === 0) {
    // The stream begins: the page has just been drawn.
    return;
  }
  say();
  later();
}

function later() {
  if (drawing || state.paused || document.hidden || !follows()) return;
  drawing = true;
  setTimeout(draw, Math.max(0, next - performance.now()));
}

/** Returns the page as it is now. Scripts of a document that is asked for in this way do not run. */
function fetchPage() {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", location.pathname + location.search);
    request.responseType = "document";
    request.onload = () => (request.status === 200 ? resolve(request.response) : reject(new Error(`status ${request.status}`)));
    request.onerror = () => reject(new Error("the server is away"));
    request.send();
  });
}

async function draw() {
  const began = performance.now();
  const taken = pending;
  pending = new Set();
  try {
    const fresh = (await fetchPage()).getElementById("trace");
    if (fresh) put(document.importNode(fresh, true));
  } catch {
    // The next event tries again.
    pending = taken.union ? taken.union(pending) : new Set([...taken, ...pending]);
  }
  drawing = false;
  next = performance.now() + Math.min(LONGEST, Math.max(PAUSE, SHARE * (performance.now() - began)));
  say();
  if (pending.size > 0) later();
}

/** Puts a fresh drawing in the place of the one that is there. */
function put(fresh) {
  const folded = new Map([...document.querySelectorAll("#trace details")].map((details) => [details.dataset.key, details.open]));
  for (const details of fresh.querySelectorAll("details")) {
    const was = folded.get(details.dataset.key);
    if (was !== undefined) details.open = was;
  }
  const at = rows().findIndex((row) => row.contains(document.activeElement));
  trace().replaceWith(fresh);
  begin();
  if (at >= 0) focusRow(at);
}

/** Bars of calls in flight go on to where the time is; the axis has some room for that. */
function grow() {
  if (state.paused || document.hidden) return;
  const { from, to } = trace().dataset;
  const at = (Math.min(Date.now() / 1000, Number(to)) - from) / (to - from) * 1000;
  for (const row of document.querySelectorAll(".call[data-start]")) {
    const bar = row.querySelector("rect.in-flight");
    if (bar && at > Number(bar.getAttribute("x"))) bar.setAttribute("width", (at - bar.getAttribute("x")).toFixed(1));
  }
  if (Date.now() / 1000 > Number(to) && inFlight() > 0) later();
}

/** The rows that are to be seen: the summaries of spans, and calls. */
const rows = () => [...document.querySelectorAll("#trace .waterfall .row:not(.head)")].filter((row) => row.checkVisibility());

function focusRow(place) {
  const row = rows()[place];
  (row?.matches("summary") ? row : row?.querySelector("a"))?.focus();
}

const here = () => rows().findIndex((row) => row.contains(document.activeElement));

const step = (by) => focusRow(Math.max(0, Math.min(rows().length - 1, here() + by)));

function nextFailed() {
  // Folded ones, too.
  const failed = [...document.querySelectorAll("#trace .call:has(.badge.error)")];
  const now = document.activeElement;
  const after = failed.find((row) => now.compareDocumentPosition(row) & Node.DOCUMENT_POSITION_FOLLOWING && !row.contains(now)) ?? failed[0];
  for (let around = after?.parentElement; around; around = around.parentElement) if (around.matches("details")) around.open = true;
  after?.querySelector("a")?.focus();
  after?.scrollIntoView({ block: "center" });
}

function fold(open) {
  const details = document.activeElement?.closest("details");
  if (!details) return;
  if (!open && document.activeElement.matches(".call a")) details.querySelector("summary").focus();
  details.open = open;
}

/** Drag over the axis: the page of that range. */
function zoomByDrag(bar) {
  const place = (event) => Math.max(0, Math.min(1, (event.clientX - bar.getBoundingClientRect().left) / bar.getBoundingClientRect().width));
  bar.addEventListener("pointerdown", (down) => {
    const start = place(down);
    const mark = element("span", { class: "selection" });
    bar.append(mark);
    const move = (event) => {
      const [from, to] = [start, place(event)].sort((a, b) => a - b);
      mark.style.left = `${from * 100}%`;
      mark.style.width = `${(to - from) * 100}%`;
    };
    const up = (event) => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", up);
      mark.remove();
      const [from, to] = [start, place(event)].sort((a, b) => a - b);
      if (to - from < 0.01) return;
      // It is no click on the part of the axis below.
      addEventListener("click", (click) => click.preventDefault(), { capture: true, once: true });
      const { from: first, to: last, zero } = trace().dataset;
      const at = (share) => (Number(first) + share * (last - first) - zero).toFixed(3);
      const query = new URLSearchParams(location.search);
      query.delete("page");
      query.set("from", at(from));
      query.set("to", at(to));
      location.assign(`${location.pathname}?${query}`);
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", up);
  });
  bar.addEventListener("dragstart", (event) => event.preventDefault());
}

function begin() {
  // Without a script, nobody would change what is said to be unfolded.
  for (const details of document.querySelectorAll("#trace details")) {
    const summary = details.querySelector("summary");
    const tell = () => summary.setAttribute("aria-expanded", String(details.open));
    details.addEventListener("toggle", tell);
    tell();
  }
  const bar = document.querySelector(".row.head .bar");
  if (bar) zoomByDrag(bar);
}

addKeys([
  { keys: ["j", "ArrowDown"], says: "Next row", run: () => step(1) },
  { keys: ["k", "ArrowUp"], says: "Row before", run: () => step(-1) },
  { keys: ["ArrowRight"], says: "Unfold", run: () => fold(true) },
  { keys: ["ArrowLeft"], says: "Fold", run: () => fold(false) },
  { keys: ["e"], says: "Next failed call", run: nextFailed },
  { keys: ["z"], says: "The whole session", run: () => document.getElementById("whole")?.click() },
  { keys: ["Enter"], says: "Open the call, or fold the span" },
  { keys: ["Escape"], says: "Back to where you came from", run: () => history.back() },
]);
if (session !== undefined) {
  begin();
  showState(state);
  stream(root(), heard, state.connect);
  setInterval(grow, 1000 / GROWS);
  document.addEventListener("visibilitychange", () => pending.size > 0 && later());
}
