// Keys on the comparison of two calls: through the differences, and to the calls.

import { addKeys } from "./keys.js";
import "./other.js";

const differences = [...document.querySelectorAll(".difference")];
let at = -1;

function step(by) {
  if (differences.length === 0) return;
  at = at < 0 && by < 0 ? differences.length - 1 : (at + by + differences.length) % differences.length;
  const difference = differences[at];
  difference.focus({ preventScroll: true });
  difference.scrollIntoView({ block: "start" });
  history.replaceState(null, "", `#${difference.id}`);
}

// Who came by a link or a click goes on from there.
addEventListener("focusin", (event) => {
  const difference = event.target.closest?.(".difference");
  if (difference) at = differences.indexOf(difference);
});
at = differences.findIndex((difference) => `#${difference.id}` === location.hash);

const follow = (selector) => document.querySelector(selector)?.click();

addKeys([
  { keys: ["n"], says: "Next difference", run: () => step(1) },
  { keys: ["p"], says: "Previous difference", run: () => step(-1) },
  { keys: ["s"], says: "Swap the two calls", run: () => follow("#swap") },
  { keys: ["a"], says: "Open call A", run: () => follow(".sides .a a") },
  { keys: ["b"], says: "Open call B", run: () => follow(".sides .b a") },
  { keys: ["Escape"], says: "Back to where you came from", run: () => history.back() },
]);
