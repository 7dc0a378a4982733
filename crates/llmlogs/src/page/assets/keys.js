// Keys, from one table, of which the dialog behind `?` is made.

import { button, element } from "./dom.js";

/** The rows of the table: what is pressed (`KeyboardEvent.key`), what it does, and how. */
const table = [];

const NAMES = { " ": "Space", Escape: "Esc", ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→", PageDown: "Page ↓", PageUp: "Page ↑" };

/**
 * Adds rows `{ keys, says, run }`. A row without `run` is only named, where the browser or an element does it; one with
 * `when` is meant only where that returns true of the event.
 */
export function addKeys(rows) {
  table.push(...rows);
}

/** What a key means to these elements is theirs. */
const TAKES_TEXT = "input:not([type=checkbox]), select, textarea, [contenteditable]";
const TAKES_SPACE = "button, a, summary, [role=option]";

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const target = event.target instanceof Element ? event.target : document.body;
  if (target.closest(TAKES_TEXT) || document.querySelector("dialog[open]")) return;
  if ((event.key === " " || event.key === "Enter") && target.closest(TAKES_SPACE)) return;
  const row = table.find((row) => row.run && row.keys.includes(event.key) && (!row.when || row.when(event)));
  if (!row) return;
  event.preventDefault();
  row.run(event);
});

function show() {
  let dialog = document.getElementById("keys");
  if (!dialog) {
    dialog = element("dialog", { id: "keys", "aria-labelledby": "keys-title" });
    document.body.append(dialog);
  }
  dialog.replaceChildren(
    element("h2", { id: "keys-title" }, "Keys"),
    element("dl", {}, ...table.flatMap(({ keys, says }) => [
      element("dt", {}, ...keys.map((key) => element("kbd", {}, NAMES[key] ?? key))),
      element("dd", {}, says),
    ])),
    button({ autofocus: true }, () => dialog.close(), "Close"),
  );
  dialog.showModal();
}

/** Adds `?`, and a button for those who do not know it. */
export function beginKeys() {
  addKeys([{ keys: ["?"], says: "Show these keys", run: show }]);
  document.querySelector("header").append(button({ "aria-label": "Keys", "aria-haspopup": "dialog", class: "keys-button" }, show, "?"));
}
