// One call, which the server has rendered: its age, its end when it comes, and keys.

import { inPath, pageAddress, search } from "./address.js";
import { question } from "./ask.js";
import { button, element } from "./dom.js";
import { age } from "./format.js";
import { showFilterProblem } from "./filter.js";
import { addKeys } from "./keys.js";
import { live } from "./live.js";
import "./other.js";

const call = () => document.getElementById("call");
const isOpen = () => call()?.dataset.state === "in_flight";

/** Puts the page of the call as it is now into the place of this one. A document that is asked for so runs no scripts. */
function renew() {
  const request = new XMLHttpRequest();
  request.open("GET", location.href);
  request.responseType = "document";
  request.onload = () => {
    const found = request.status === 200 ? request.response?.getElementById("call") : null;
    // What plays needs the policy that its own page has.
    if (found?.querySelector("audio, video") && !call().querySelector("audio, video")) return location.reload();
    if (found) call().replaceWith(document.importNode(found, true));
    tick();
  };
  request.send();
}

function tick() {
  const shown = document.getElementById("age");
  const started = Number(call()?.dataset.started);
  if (shown && started > 0) shown.textContent = age(started);
}

function onCalls(events) {
  const path = call().dataset.path;
  if (isOpen() && events.some((event) => event.call.path === path && event.what !== "started")) renew();
}

/** Says in a word what was done. */
function say(text) {
  let said = document.getElementById("copied");
  if (!said) {
    said = element("p", { id: "copied", role: "status" });
    document.body.append(said);
  }
  said.textContent = text;
  said.hidden = false;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { said.hidden = true; }, 3000);
}

async function curl() {
  const response = await fetch(document.getElementById("curl").href);
  if (response.ok) return response.text();
  let why = "the command could not be made";
  try { why = JSON.parse(await response.text()).error; } catch { /* The guard answers in plain text. */ }
  throw new Error(why);
}

const COPIES = [
  ["l", "Link", () => location.href],
  ["i", "Id", () => call().dataset.path.split("/").pop()],
  ["f", "Folder", () => call().dataset.dir],
  ["c", "curl", curl],
];

async function copy(what, made) {
  try {
    await navigator.clipboard.writeText(await made());
    say(`${what} copied`);
  } catch (error) {
    say(`Not copied: ${error.message}`);
  }
}

/** Asks what is to be copied. */
function chooseCopy() {
  let dialog = document.getElementById("copy");
  if (!dialog) {
    const choose = (what, made) => () => { dialog.close(); copy(what, made); };
    dialog = element("dialog", { id: "copy", "aria-labelledby": "copy-title" },
      element("h2", { id: "copy-title" }, "Copy"),
      element("div", {}, ...COPIES.map(([key, what, made]) => button({}, choose(what, made), element("kbd", {}, key), ` ${what}`)),
        button({}, () => dialog.close(), "Close")));
    dialog.addEventListener("keydown", (event) => {
      const found = COPIES.find(([key]) => key === event.key);
      if (!found || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      choose(found[1], found[2])();
    });
    document.body.append(dialog);
  }
  dialog.showModal();
}

const neighbours = () => question("/api/neighbours", { path: call().dataset.path });

/** Goes to another call of those that pass the filter. */
async function to(which, nothing) {
  try {
    const path = (await neighbours())[which];
    if (path) location.href = pageAddress(`/call/${inPath(path)}`, tab());
    else say(nothing);
  } catch (error) {
    say(error.message);
  }
}

/** The part that is looked at stays the same from call to call. */
function tab() {
  const name = new URLSearchParams(location.search).get("tab");
  return name ? { tab: name } : {};
}

async function showPlace() {
  try {
    const { position, total } = await neighbours();
    if (position === null || position === undefined) return;
    const filter = search();
    document.getElementById("place").textContent = `${position} of ${total}${filter.includes("q=") ? " that pass the filter" : ""}`;
  } catch (error) {
    if (error.status === 400) showFilterProblem(error.message);
  }
}

const older = () => to("older", "This is the oldest call.");
const newer = () => to("newer", "This is the newest call.");
const olderError = () => to("older_error", "No older call failed.");

addKeys([
  { keys: ["n"], says: "Next call, the older one", run: older },
  { keys: ["p"], says: "Previous call, the newer one", run: newer },
  { keys: ["e"], says: "Next call that failed", run: olderError },
  { keys: ["D"], says: "Compare with the call before in its session", run: () => document.getElementById("compare").click() },
  { keys: ["y"], says: "Copy link, id, folder or curl", run: chooseCopy },
  { keys: ["Escape"], says: "Back to the list", run: () => document.getElementById("back").click() },
]);

document.querySelector("main").prepend(element("div", { class: "places" },
  button({ title: "Key p" }, newer, "← Newer"),
  button({ title: "Key n" }, older, "Older →"),
  button({ title: "Key e" }, olderError, "Older failed →"),
  element("span", { id: "place" }),
  button({ "aria-haspopup": "dialog", title: "Key y" }, chooseCopy, "Copy…"),
));
showPlace();
if (isOpen()) {
  live(onCalls, renew).then(renew);
  setInterval(tick, 1000);
  tick();
}
