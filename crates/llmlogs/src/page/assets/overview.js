// The overview: the numbers of `llmlogs stats` and `llmlogs failures`, as they are now.

import { onAddress } from "./address.js";
import { question, showError } from "./ask.js";
import { showCharts } from "./charts.js";
import { showProblem } from "./dom.js";
import { showEmpty } from "./empty.js";
import { beginFilter, followAddress, showRoots } from "./filter.js";
import { beginKeys } from "./keys.js";
import { live } from "./live.js";
import { show } from "./patch.js";
import { firingTable, firstTables, tables } from "./tables.js";
import { tick, tiles } from "./tiles.js";

/** How long to wait for further events before counting anew, in milliseconds. */
const PAUSE = 1000;

/** After a count, at least this many times its duration passes before the next one. */
const SHARE = 10;

/** Into how many stretches of time a range is cut. */
const BUCKETS = 60;

const part = (id) => document.getElementById(id);

/** The number of the last question: an answer to an older one comes too late. */
let asked = 0;

async function count() {
  asked += 1;
  const mine = asked;
  const [answer, series] = await Promise.allSettled([question("/api/overview"), question("/api/series", { buckets: BUCKETS })]);
  if (mine !== asked) return;
  part("content").removeAttribute("aria-busy");
  if (answer.status === "rejected") {
    showError(answer.reason);
    return;
  }
  showError(null);
  put(answer.value, series.status === "fulfilled" ? series.value : null);
  if (series.status === "rejected") showProblem(series.reason.message);
}

function put(answer, series) {
  const { stats, exists, unreadable } = answer;
  showRoots(answer.roots);
  const isEmpty = stats.calls + stats.in_flight + stats.interrupted + stats.not_recorded === 0;
  showEmpty(part("empty"), exists, isEmpty);
  part("content").hidden = isEmpty;
  if (!isEmpty) {
    show(part("firing"), ...[firingTable(answer)].filter(Boolean));
    show(part("tiles"), ...tiles(answer, series));
    show(part("first-tables"), ...firstTables(answer));
    showCharts(part("charts"), series);
    show(part("tables"), ...tables(answer));
  }
  if (unreadable.length > 0) showProblem(`${unreadable.length} folders or files cannot be read: ${unreadable[0]}`);
}

let timer = null;
let lasted = 0;

/** Counts anew soon, once for all events until then. */
function soon() {
  timer ??= setTimeout(again, Math.max(PAUSE, SHARE * lasted));
}

async function again() {
  const start = performance.now();
  await count();
  lasted = performance.now() - start;
  timer = null;
}

beginFilter();
followAddress();
beginKeys();
onAddress(() => {
  // Until the answer is there, the numbers are those of the address before.
  part("content").setAttribute("aria-busy", "true");
  count();
});
setInterval(tick, 1000);
await live(soon, soon);
await count();
