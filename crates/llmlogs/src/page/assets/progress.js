// Something that may take long: how long it has taken, and a way to give it up. The server stops when nobody waits.

import { duration } from "./format.js";

/** What takes shorter is not worth a word, in milliseconds. */
const SHORT = 300;

export class Progress {
  #shown;
  #stop = null;
  #timer = null;

  constructor(shown) {
    this.#shown = shown;
  }

  get isBusy() {
    return this.#stop !== null;
  }

  /** Does `work(signal)`, instead of what is going on, if anything is. */
  async during(work) {
    this.#stop?.abort(REPLACED);
    const stop = new AbortController();
    this.#stop = stop;
    const start = performance.now();
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      const lasted = performance.now() - start;
      if (lasted < SHORT) return;
      this.#shown.hidden = false;
      this.#shown.querySelector("#progress-text").textContent = duration(Math.floor(lasted / 100) * 100);
    }, 100);
    try {
      return await work(stop.signal);
    } finally {
      if (this.#stop === stop) this.#end();
    }
  }

  /** Returns whether `during` threw this because something else was begun. */
  wasReplaced(error) {
    return error === REPLACED;
  }

  cancel() {
    this.#stop?.abort();
    this.#end();
  }

  #end() {
    clearInterval(this.#timer);
    this.#stop = null;
    this.#shown.hidden = true;
  }
}

const REPLACED = new Error("replaced");
