// Questions to the server, with the address's root, filter and range.

import { address } from "./address.js";
import { showProblem } from "./dom.js";
import { showFilterProblem } from "./filter.js";

/** An answer that says what is wrong; `status` is HTTP's. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Returns the answer to a question; throws `Refused`, or what `fetch` throws. A parameter that is null is left out. */
export async function question(path, more = {}, signal = undefined) {
  const query = new URLSearchParams();
  for (const name of ["root", "q", "date", "since", "until"]) {
    if (address.has(name)) query.set(name, address.get(name));
  }
  for (const [name, value] of Object.entries(more)) {
    if (value === null || value === undefined) query.delete(name);
    else query.set(name, value);
  }
  const response = await fetch(`${path}?${query}`, { signal });
  const text = await response.text();
  if (response.ok) return JSON.parse(text);
  let message = text;
  try { message = JSON.parse(text).error; } catch { /* The guard answers in plain text. */ }
  throw new Refused(response.status, message);
}

/** Shows what is wrong: by the field, if it is the filter. Without an error, that nothing is. */
export function showError(error) {
  const isFilter = error?.status === 400;
  showFilterProblem(isFilter ? error.message : "");
  showProblem(isFilter ? "" : error?.message);
}

/** As `question`, but shows what is wrong, and returns null then. */
export async function ask(path, more = {}) {
  try {
    const answer = await question(path, more);
    showError(null);
    return answer;
  } catch (error) {
    showError(error);
    return null;
  }
}
