// What happens to calls, as it happens. Each tab has a cursor of its own: the id of the last event that it has taken.

import { address, root } from "./address.js";
import { question } from "./ask.js";
import { element } from "./dom.js";
import { addKeys } from "./keys.js";
import { stream } from "./stream.js";

/**
 * Calls `onCalls` with a list of events `{ what, passes, call }` of the root, where `passes` says whether the call passes
 * the filter; and `onReset` if events are lost. Neither while the tab is paused or hidden: they come afterwards. What
 * the page asks for after this promise is kept has everything that happened before the first event.
 */
export async function live(onCalls, onReset) {
  const cursor = new Cursor(onCalls, onReset);
  showState(cursor);
  if (await cursor.begin()) stream(root(), (event) => cursor.hear(event), (is) => cursor.connect(is));
  return cursor;
}

class Cursor {
  /** The id of the last event taken; null if it is not known. */
  at = null;
  paused = false;
  isConnected = null;
  #onCalls;
  #onReset;
  /** Whether there is more than was taken, and whether the server is being asked for it. */
  #behind = false;
  #asking = false;
  onState = () => {};

  constructor(onCalls, onReset) {
    this.#onCalls = onCalls;
    this.#onReset = onReset;
    document.addEventListener("visibilitychange", () => this.#catchUp());
  }

  /** Finds out where the events are now. Returns whether there are any: of a root that is not served there are none. */
  async begin() {
    try {
      this.at = (await question("/api/events", NO_FILTER)).id;
    } catch (error) {
      // The page's own question says what is wrong. After an accident, the first event begins it anew.
      return error.status !== 400;
    }
    return true;
  }

  connect(is) {
    this.isConnected = is;
    this.onState();
  }

  hear({ id, from, calls }) {
    if (id === this.at) return;
    const isNext = calls && from === this.at && !this.#behind && !this.#asking && !this.#waits();
    if (isNext && !hasFilter()) {
      this.at = id;
      this.#onCalls(calls.map((event) => ({ ...event, passes: true })));
      return;
    }
    this.#behind = true;
    this.#catchUp();
  }

  pause(paused) {
    this.paused = paused;
    this.onState();
    this.#catchUp();
  }

  #waits() {
    return this.paused || document.hidden;
  }

  /** Takes what is there behind the cursor. */
  async #catchUp() {
    if (this.#asking) return;
    this.#asking = true;
    while (this.#behind && !this.#waits()) {
      this.#behind = false;
      try {
        const asked = address.toString();
        const answer = await question("/api/events", this.at === null ? {} : { after: this.at });
        if (address.toString() !== asked) {
          // Which calls pass is another question now.
          this.#behind = true;
          continue;
        }
        const lost = answer.reset || this.at === null;
        this.at = answer.id;
        if (lost) this.#onReset();
        else if (answer.calls.length > 0) this.#onCalls(answer.calls);
      } catch {
        // The server is away, or the filter is wrong, which the page says. The next event tries again.
        this.#behind = true;
        break;
      }
    }
    this.#asking = false;
  }
}

const NO_FILTER = { q: null, date: null, since: null, until: null };

const hasFilter = () => ["q", "date", "since", "until"].some((name) => address.get(name));

/** Shows whether there are live events; `cursor` has `paused`, `isConnected`, and calls `onState()` when they change. */
export function showState(cursor) {
  const state = document.getElementById("state");
  const button = document.getElementById("pause");
  const word = () => {
    if (cursor.paused) return "paused";
    if (cursor.isConnected === null) return "connecting";
    return cursor.isConnected ? "live" : "not connected";
  };
  cursor.onState = () => {
    state.replaceChildren(element("span", { class: `state-${word().replace(" ", "-")}` }, word()));
    button.setAttribute("aria-pressed", String(cursor.paused));
  };
  state.hidden = button.hidden = false;
  const toggle = () => cursor.pause(!cursor.paused);
  button.addEventListener("click", toggle);
  addKeys([{ keys: [" "], says: "Pause, and go on", run: toggle }]);
  cursor.onState();
}
