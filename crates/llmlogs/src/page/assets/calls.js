// The list of calls, newest first. New ones wait behind a button unless one is at the top.

import { address, callPage, comparePage, onAddress } from "./address.js";
import { question, showError } from "./ask.js";
import { copyOf } from "./copy.js";
import { plain, showProblem } from "./dom.js";
import { showEmpty } from "./empty.js";
import { Facets } from "./facets.js";
import { beginFilter, followAddress, showRoots } from "./filter.js";
import { count, plural } from "./format.js";
import { Grid } from "./grid.js";
import { addKeys, beginKeys } from "./keys.js";
import { live } from "./live.js";
import { Peek } from "./peek.js";
import { Progress } from "./progress.js";
import { Rows } from "./rows.js";

const at = (id) => document.getElementById(id);

const rows = new Rows(
  (offset, limit, asOf, signal) => question("/api/calls", { offset, limit, as_of: asOf }, signal),
  { changed: () => grid.changed(), failed: (error) => showError(error), outdated: () => load() },
);
const grid = new Grid(at("calls"), rows);
const peek = new Peek(at("peek"), () => close());
const facets = new Facets(at("facets"), (signal) => question("/api/facets", rows.waiting > 0 ? { as_of: rows.asOf } : {}, signal));
const progress = new Progress(at("progress"));

/** How long the last snapshot took, in milliseconds: one that takes long is not taken often. */
let lasted = 0;
let refreshing = null;
let reading = null;
/** What has happened since a snapshot was asked for. */
const heard = [];
/** Nothing is kept of a list that has not been shown yet. */
let isShown = false;

/** Takes a snapshot and shows it; `place` is what `keep` kept of an earlier one. */
async function load(place = null) {
  clearTimeout(refreshing);
  refreshing = null;
  clearTimeout(reading);
  at("calls").setAttribute("aria-busy", "true");
  const start = performance.now();
  heard.length = 0;
  try {
    await progress.during((signal) => rows.refresh(signal));
    // The snapshot may have been taken before what has happened meanwhile.
    rows.take(heard.splice(0), address.get("q") ?? "");
  } catch (error) {
    if (!progress.wasReplaced(error)) failed(error);
    return false;
  } finally {
    if (!progress.isBusy) at("calls").removeAttribute("aria-busy");
  }
  lasted = performance.now() - start;
  showError(null);
  showRoots(rows.about.roots);
  grid.changed();
  if (place) await restore(place);
  isShown = true;
  tellState();
  facets.soon();
  // Of a large root, the newest days come first.
  if (rows.about.loading) reading = setTimeout(() => load(), Math.max(500, 10 * lasted));
  return true;
}

function failed(error) {
  if (error.name === "AbortError") {
    showProblem("Cancelled: the list is not that of the filter.");
    return;
  }
  showError(error);
}

/** Says how many there are, or what to do if there are none. */
function tellState() {
  const { exists, loading, unreadable } = rows.about;
  at("summary").textContent = plural(rows.length, "call") + (loading ? ", older days are still being read" : "");
  showEmpty(at("empty"), exists, rows.length === 0 && !loading);
  at("calls").hidden = !at("empty").hidden;
  if (unreadable?.length > 0) showProblem(`${plural(unreadable.length, "folder or file")} cannot be read: ${unreadable[0]}`);
  tellWaiting();
}

function tellWaiting() {
  at("new").hidden = rows.waiting === 0;
  at("new").textContent = `${count(rows.waiting)} new`;
}

/** Puts the calls that wait where they belong. */
async function showNew() {
  if (rows.canShowWaiting) rows.showWaiting();
  else if (!await load()) return;
  grid.changed();
  tellState();
}

/** Takes a snapshot soon, once for all events until then. */
function refreshSoon() {
  refreshing ??= setTimeout(() => load(), Math.max(1000, 10 * lasted));
}

function onCalls(events) {
  if (progress.isBusy) heard.push(...events);
  // There is no list yet.
  if (!rows.about) return;
  const changed = rows.take(events, address.get("q") ?? "");
  const hasLeft = events.some(({ passes, call }) => !passes && changed.has(call.path));
  if (grid.isAtTop && rows.waiting > 0 && rows.canShowWaiting) {
    rows.showWaiting();
    grid.changed();
  } else {
    if (grid.isAtTop && (rows.waiting > 0 || hasLeft)) refreshSoon();
    grid.changed(changed);
  }
  tellState();
  if (changed.has(grid.selectedPath)) showPeek(rows.at(grid.selected));
  facets.soon();
}

// Where one is, in this entry of the browser's history: a call's page has a way back.

function keep() {
  if (!isShown) return;
  const { index, above } = grid.anchor;
  const list = { index, above, path: rows.at(index)?.path, selected: grid.selected, selectedPath: grid.selectedPath, marked: [...grid.marked] };
  history.replaceState({ ...history.state, list }, "");
}

let keeping = null;
function keepSoon() {
  clearTimeout(keeping);
  keeping = setTimeout(keep, 150);
}

async function restore({ index, above, path, selected, selectedPath, marked }) {
  grid.marked = new Set(marked);
  const top = index > 0 || above > 0 ? await placeOf(path, index) : 0;
  grid.goTo(top < 0 ? index : top, above);
  const place = selectedPath ? await placeOf(selectedPath, selected) : -1;
  if (place >= 0) grid.select(place);
  grid.render();
  tellMarks();
}

/** Loads the place of a call, which may be near `guess`, and returns it; -1 if it is not in the list. */
async function placeOf(path, guess) {
  const look = async (index) => {
    if (rows.placeOf(path) < 0) await rows.need(Math.max(0, index - 1), index + 1);
    return rows.placeOf(path);
  };
  const found = guess < rows.length ? await look(guess) : rows.placeOf(path);
  if (found >= 0) return found;
  try {
    const { position } = await question("/api/neighbours", { path });
    // Calls that wait are not in the list yet.
    return position === null ? -1 : await look(Math.max(0, position - 1 - rows.waiting));
  } catch {
    return -1;
  }
}

// The selected call.

const selected = () => rows.at(grid.selected);

function showPeek(call) {
  if (call) peek.show(call);
  else if (grid.selected < 0) peek.hide();
}

function close() {
  grid.select(-1);
  at("calls").focus();
}

const open = (call) => {
  keep();
  location.assign(callPage(call));
};

/** Selects the next call that failed, however far down it is. */
async function nextError() {
  const isError = (call) => call.state === "finished" && call.status === "error";
  let index = grid.selected + 1;
  let call = rows.at(index);
  while (call && !isError(call)) call = rows.at(index += 1);
  if (call) return grid.select(index);
  const last = rows.at(index - 1);
  if (!last || index >= rows.length) return tell("No older call failed.");
  try {
    const { older_error: path } = await question("/api/neighbours", { path: last.path });
    const place = path ? await placeOf(path, index) : -1;
    if (place >= 0) grid.select(place);
    else tell("No older call failed.");
  } catch (error) {
    showError(error);
  }
}

/** Opens the comparison of the marked calls, or of the marked and the selected one; the older one is the first. */
function compared() {
  const paths = [...new Set([...grid.marked, ...(grid.marked.size < 2 && grid.selectedPath ? [grid.selectedPath] : [])])].slice(-2);
  return paths.length === 2 ? comparePage(...paths) : null;
}

function compare() {
  const page = compared();
  if (!page) return tell("Mark two calls to compare them.");
  keep();
  location.assign(page);
}

async function compareWithPrevious() {
  const call = selected();
  if (!call) return;
  try {
    const { previous_in_session: previous } = await question("/api/neighbours", { path: call.path });
    if (!previous) return tell("It is the first call of its session.");
    keep();
    location.assign(comparePage(previous, call.path));
  } catch (error) {
    showError(error);
  }
}

function tellMarks() {
  at("marks").hidden = grid.marked.size === 0;
  at("marks-text").textContent = `${count(grid.marked.size)} marked`;
  const page = compared();
  if (page) at("compare").href = page;
  at("compare").hidden = !page;
}

let telling = null;
function tell(text) {
  at("told").textContent = plain(text);
  clearTimeout(telling);
  telling = setTimeout(() => { at("told").textContent = ""; }, 8000);
}

const inList = ({ target }) => target === document.body || at("calls").contains(target);

addKeys([
  { keys: ["j", "n"], says: "Next call, which is older", run: () => grid.move(1) },
  { keys: ["k", "p"], says: "Call before, which is newer", run: () => grid.move(-1) },
  { keys: ["ArrowDown"], says: "Next call", when: inList, run: () => grid.move(1) },
  { keys: ["ArrowUp"], says: "Call before", when: inList, run: () => grid.move(-1) },
  { keys: ["PageDown"], says: "A page on", when: inList, run: () => grid.movePage(1) },
  { keys: ["PageUp"], says: "A page back", when: inList, run: () => grid.movePage(-1) },
  { keys: ["Home", "g"], says: "The newest call", when: inList, run: () => grid.select(0) },
  { keys: ["End", "G"], says: "The oldest call", when: inList, run: () => grid.select(rows.length - 1) },
  { keys: ["Enter"], says: "Open the selected call", run: () => selected() && open(selected()) },
  { keys: ["Escape"], says: "Close the pane; cancel what takes long", run: () => (progress.isBusy ? progress.cancel() : close()) },
  { keys: ["e"], says: "Next call that failed", run: nextError },
  { keys: ["x"], says: "Mark the selected call", run: () => selected() && grid.toggleMark(selected()) },
  { keys: ["d"], says: "Compare the marked calls, or the marked and the selected one", run: compare },
  { keys: ["D"], says: "Compare the selected call with the one before it in its session", run: compareWithPrevious },
  { keys: ["y"], says: "Copy the selected call's link, id or folder", run: () => selected() && copyOf(selected(), tell) },
]);

grid.onSelect = (call) => { showPeek(call); tellMarks(); keepSoon(); };
grid.onOpen = open;
grid.onMark = () => { tellMarks(); keepSoon(); };
grid.onMove = () => {
  keepSoon();
  if (grid.isAtTop && rows.waiting > 0) showNew();
};
at("new").addEventListener("click", async () => { await showNew(); grid.goTo(0); at("calls").focus(); });
at("cancel").addEventListener("click", () => progress.cancel());
at("clear-marks").addEventListener("click", () => grid.clearMarks());
at("facets-toggle").addEventListener("click", () => showFacetsPane(at("facets").hidden));
document.addEventListener("click", keep, { capture: true });

function showFacetsPane(is) {
  at("facets").hidden = !is;
  at("facets-toggle").setAttribute("aria-expanded", String(is));
  facets.soon();
}

showFacetsPane(matchMedia("(min-width: 60rem)").matches);
beginFilter();
followAddress();
beginKeys();
onAddress(async () => {
  grid.select(-1);
  isShown = false;
  facets.now();
  const place = history.state?.list;
  if (!place) grid.goTo(0);
  await load(place);
});
/** A call's page leads back to the list with the call's path behind `#`. */
function cameFrom() {
  try {
    const path = decodeURIComponent(location.hash.slice(1));
    return path === "" ? null : { index: 0, above: 0, path: null, selected: 0, selectedPath: path, marked: [] };
  } catch {
    // Somebody else's fragment.
    return null;
  }
}

const kept = history.state?.list ?? cameFrom();
// What it tells comes after the snapshot has been asked for, and so misses nothing.
await live(onCalls, () => load());
await load(kept);
