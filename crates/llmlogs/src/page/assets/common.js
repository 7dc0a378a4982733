// What `overview.js` takes from the modules, until it takes it from them itself.

import { beginFilter } from "./filter.js";
import { beginKeys } from "./keys.js";

export { address, callPage, callsWith } from "./address.js";
export { ask } from "./ask.js";
export { element, plain } from "./dom.js";
export { showRoots as roots } from "./filter.js";
export { count, duration, money, percent, time } from "./format.js";
export { live } from "./live.js";
export { quoted } from "./terms.js";

export function begin() {
  beginFilter();
  beginKeys();
}
