// The state of a page is the query string: root, filter and range. Every link keeps it, so a URL is a view.

/** What all pages have in their addresses; what belongs to one page alone is not kept by links. */
const KEPT = ["root", "q", "date", "since", "until"];

/** The query string, as it is now. */
export const address = new URLSearchParams(location.search);

const listeners = [];

/** Calls `listener` after the address has changed. With at least one, a change needs no reload. */
export function onAddress(listener) {
  listeners.push(listener);
}

/** Returns the query string of links to other pages, with `?`, or nothing; `changes` are set, or removed if empty. */
export function search(changes = {}) {
  const query = new URLSearchParams();
  for (const name of KEPT) {
    const value = changes[name] ?? address.get(name) ?? "";
    if (value !== "" && !(name === "root" && value === "0")) query.set(name, value);
  }
  for (const [name, value] of Object.entries(changes)) {
    if (!KEPT.includes(name) && value !== "") query.set(name, value);
  }
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

/** The page to which a change leads; null on one that shows what passes. */
let elsewhere = null;

/** Lets changes lead to another page: this one shows the same whatever passes. */
export function leadTo(path) {
  elsewhere = path;
}

/** Changes the filter, the range or the root; this is a new entry of the browser's history. */
export function go(changes) {
  const next = search(changes);
  if (elsewhere) {
    location.assign(elsewhere + next);
    return;
  }
  if (next === search()) return;
  // Live events are those of one root.
  if (listeners.length === 0 || (changes.root ?? root()) !== root()) {
    location.search = next;
    return;
  }
  history.pushState(null, "", location.pathname + next);
  changed();
}

/** The number of the root. */
export const root = () => address.get("root") ?? "0";

function changed() {
  if ((new URLSearchParams(location.search).get("root") ?? "0") !== root()) {
    location.reload();
    return;
  }
  for (const name of [...address.keys()]) address.delete(name);
  for (const [name, value] of new URLSearchParams(location.search)) address.set(name, value);
  for (const listener of listeners) listener();
}

addEventListener("popstate", () => {
  if (listeners.length > 0) changed();
});

/** Returns the address of a page with this filter and range. */
export const pageAddress = (path, changes = {}) => path + search(changes);

/** Returns the address of the calls that pass the filter and this term, too. */
export const callsWith = (term) => pageAddress("/calls", { q: [address.get("q"), term].filter(Boolean).join(" ") });

/** Returns the address of a call's page. */
export const callPage = (call) => pageAddress(`/call/${inPath(call.path)}`);

/** Returns the address of the comparison of two calls, by their paths. */
export const comparePage = (a, b) => pageAddress("/compare", { a, b });

/** Returns `DAY/SESSION/CALL` as a part of an address. */
export const inPath = (path) => path.split("/").map(encodeURIComponent).join("/");
