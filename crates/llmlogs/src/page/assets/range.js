// The buttons that choose a range with one click.

import { address, go } from "./address.js";

const buttons = () => document.querySelectorAll("#filter button[data-since]");

export function beginRange() {
  for (const button of buttons()) button.addEventListener("click", () => go({ since: button.dataset.since, until: "", date: "" }));
}

/** Shows which of them the address says, if it is one. */
export function showRange() {
  const isOpen = !address.get("until") && !address.get("date");
  for (const button of buttons()) {
    button.setAttribute("aria-pressed", String(isOpen && button.dataset.since === (address.get("since") ?? "")));
  }
}
