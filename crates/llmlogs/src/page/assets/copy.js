// Copies of a call's link, id and folder.

import { callPage } from "./address.js";
import { button, element } from "./dom.js";

/** Asks what of a call is to be copied. */
export function copyOf(call, told) {
  const choices = [
    ["l", "Link", new URL(callPage(call), location.href).href],
    ["i", "Id", call.call_id],
    ["f", "Folder", call.dir],
  ];
  const dialog = element("dialog", { class: "copy", "aria-label": "Copy" });
  const take = async (name, text) => {
    dialog.close();
    try {
      await navigator.clipboard.writeText(text);
      told(`${name} copied`);
    } catch {
      // Without the right to write there, the text is shown, so that it can be selected.
      told(text);
    }
  };
  dialog.append(element("h2", {}, "Copy"), ...choices.map(([key, name, text]) =>
    button({ title: text }, () => take(name, text), element("kbd", {}, key), ` ${name}`)));
  dialog.addEventListener("keydown", (event) => {
    const choice = choices.find(([key]) => key === event.key);
    if (!choice) return;
    event.preventDefault();
    take(choice[1], choice[2]);
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
