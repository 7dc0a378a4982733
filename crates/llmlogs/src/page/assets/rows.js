// The calls of the list, by their places: a snapshot, of which pages are asked for as they are looked at, and above it the
// calls that came since. Further ones wait until somebody wants to see them.

import { terms } from "./terms.js";

/** How many calls are asked for at a time. */
export const PAGE = 100;

/** At most so many pages are kept. */
const KEPT = 80;

/** With more calls than this above it, the snapshot is taken anew. */
const MOST_LIVE = 500;

export class Rows {
  /** How many calls the snapshot has. */
  total = 0;
  /** What the server said of the snapshot: `roots`, `exists`, `loading`, `unreadable`; null before the first one. */
  about = null;
  /** The calls above the snapshot, newest first. */
  #live = [];
  #waiting = new Map();
  #pages = new Map();
  #asked = new Map();
  #asOf = null;
  #ask;
  #changed;
  #failed;
  #outdated;

  /**
   * `ask(offset, limit, asOf, signal)` returns the server's answer; `changed()` is called when rows that were asked for
   * have come, `failed(error)` when they have not, `outdated()` when the server does not remember the snapshot.
   */
  constructor(ask, { changed, failed, outdated }) {
    this.#ask = ask;
    this.#changed = changed;
    this.#failed = failed;
    this.#outdated = outdated;
  }

  get length() {
    return this.#live.length + this.total;
  }

  get asOf() {
    return this.#asOf;
  }

  get waiting() {
    return this.#waiting.size;
  }

  /** Returns the call in this place; `undefined` if it has not been loaded. */
  at(index) {
    if (index < this.#live.length) return this.#live[index];
    const place = index - this.#live.length;
    return this.#pages.get(Math.floor(place / PAGE))?.[place % PAGE];
  }

  /** Returns the place of a call among those that are loaded; -1 if it is not. */
  placeOf(path) {
    const live = this.#live.findIndex((call) => call.path === path);
    if (live >= 0) return live;
    for (const [number, page] of this.#pages) {
      const place = page.findIndex((call) => call.path === path);
      if (place >= 0) return this.#live.length + number * PAGE + place;
    }
    return -1;
  }

  /** Takes a snapshot. What was there before stays until it has come. */
  async refresh(signal) {
    const answer = await this.#ask(0, PAGE, null, signal);
    this.#stopAsking();
    this.#pages.clear();
    this.#pages.set(0, answer.calls);
    this.#live = [];
    this.#waiting.clear();
    this.total = answer.total;
    this.about = answer;
    this.#asOf = answer.as_of;
  }

  /** Asks for what is missing of these places, and for nothing else any longer. Resolves when all of it has come. */
  need(first, last) {
    const from = Math.max(0, Math.floor((first - this.#live.length) / PAGE));
    const to = Math.floor((Math.min(last, this.length - 1) - this.#live.length) / PAGE);
    for (const [number, asked] of this.#asked) {
      if (number >= from && number <= to) continue;
      asked.stop.abort();
      this.#asked.delete(number);
    }
    const all = [];
    for (let number = from; number <= to; number += 1) {
      if (!this.#pages.has(number)) all.push(this.#asked.get(number)?.done ?? this.#load(number));
    }
    return Promise.all(all);
  }

  #load(number) {
    const stop = new AbortController();
    const run = async () => {
      try {
        const answer = await this.#ask(number * PAGE, PAGE, this.#asOf, stop.signal);
        if (stop.signal.aborted) return;
        if (answer.as_of !== this.#asOf) {
          // These are places of another list.
          this.#outdated();
          return;
        }
        this.#pages.set(number, answer.calls);
        const paths = new Set(answer.calls.map((call) => call.path));
        this.#live = this.#live.filter((call) => !paths.has(call.path));
        for (const path of paths) this.#waiting.delete(path);
        this.#forget(number);
        this.#asked.delete(number);
        this.#changed();
      } catch (error) {
        if (this.#asked.get(number)?.stop === stop) this.#asked.delete(number);
        if (!stop.signal.aborted) this.#failed(error);
      }
    };
    const asked = { stop, done: null };
    this.#asked.set(number, asked);
    asked.done = run();
    return asked.done;
  }

  /** Forgets the pages that are furthest from this one; the first one tells which calls are new. */
  #forget(number) {
    const far = [...this.#pages.keys()].filter((other) => other > 0).sort((a, b) => Math.abs(b - number) - Math.abs(a - number));
    for (const other of far.slice(0, Math.max(0, this.#pages.size - KEPT))) this.#pages.delete(other);
  }

  #stopAsking() {
    for (const { stop } of this.#asked.values()) stop.abort();
    this.#asked.clear();
  }

  /** Takes live events; returns the paths of calls that are shown, and have changed. `query` is the filter. */
  take(events, query) {
    const changed = new Set();
    for (const { what, passes, call } of events) {
      if (this.#waiting.has(call.path)) {
        this.#waiting.set(call.path, call);
      } else if (this.#replace(call)) {
        changed.add(call.path);
      } else if (passes && this.#isNew(what, call, query)) {
        this.#waiting.set(call.path, call);
      }
    }
    return changed;
  }

  #replace(call) {
    for (const calls of [this.#live, ...this.#pages.values()]) {
      const place = calls.findIndex((other) => other.path === call.path);
      if (place >= 0) {
        calls[place] = call;
        return true;
      }
    }
    return false;
  }

  /** Whether a call that is not loaded is one that the snapshot does not have. */
  #isNew(what, call, query) {
    const newest = this.#pages.get(0)?.[0];
    return what === "started" || !newest || call.timestamp >= newest.timestamp || !passesUnfinished(query);
  }

  /** Whether those that wait belong above all others; if not, a new snapshot has them in their places. */
  get canShowWaiting() {
    const newest = this.at(0);
    const waiting = [...this.#waiting.values()];
    return this.#live.length + waiting.length <= MOST_LIVE
      && waiting.every((call) => !newest || call.timestamp >= newest.timestamp);
  }

  /** Puts those that wait above all others. */
  showWaiting() {
    const newestFirst = (a, b) => b.timestamp - a.timestamp || (a.path < b.path ? 1 : -1);
    this.#live = [...[...this.#waiting.values()].sort(newestFirst), ...this.#live];
    this.#waiting.clear();
  }
}

/** Returns whether calls that have not ended can pass a filter: nothing is known of them but their start. */
export function passesUnfinished(query) {
  const ofStart = new Set(["session", "date", "since", "until"]);
  const unfinished = /in[-_]flight|interrupted|not[-_]recorded/;
  return terms(query).every(({ field, value }) => ofStart.has(field) || (field === "status" && unfinished.test(value)));
}
