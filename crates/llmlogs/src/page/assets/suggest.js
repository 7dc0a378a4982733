// Suggestions for a filter's last word: fields, and values that the calls have.

import { element } from "./dom.js";
import { FIELDS, term, terms } from "./terms.js";

/** At most so many are shown. */
const MOST = 12;

const known = new Map();

/** Says which values of a field there are, the most frequent first. */
export function setValues(field, values) {
  known.set(field, values);
}

/** Returns what can stand in the place of the last word of `text`: `{ start, options }`. */
export function suggestions(text) {
  // Within quotes, whatever is written is meant.
  if ((text.replace(/\\./g, "").match(/"/g) ?? []).length % 2 === 1) return { start: text.length, options: [] };
  const last = /\s$/.test(text) || text === "" ? "" : terms(text).at(-1).text;
  const start = text.length - last.length;
  const [, field, begun] = /^(?:([a-z_]+):)?(.*)$/s.exec(last);
  if (field && !(field in FIELDS)) return { start, options: [] };
  const all = field
    ? [...new Set([...(known.get(field) ?? []), ...FIELDS[field]])].map((value) => term(field, value))
    : Object.keys(FIELDS).map((name) => `${name}:`);
  const wanted = (begun ?? "").toLowerCase();
  const matches = (option) => (field ? option.slice(field.length + 1) : option).toLowerCase().includes(wanted);
  return { start, options: all.filter((option) => matches(option) && option !== last).slice(0, MOST) };
}

/** Makes `input` a combobox whose list is put into `around`. */
export function suggest(input, around) {
  const list = element("ul", { id: "suggestions", role: "listbox", "aria-label": "Suggestions", hidden: true });
  around.append(list);
  const attributes = { role: "combobox", "aria-autocomplete": "list", "aria-controls": list.id, "aria-expanded": "false" };
  for (const [name, value] of Object.entries(attributes)) input.setAttribute(name, value);
  let active = -1;
  let start = 0;

  const close = () => {
    active = -1;
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const take = (text) => {
    const end = input.selectionEnd;
    const done = text.endsWith(":") ? text : `${text} `;
    input.setRangeText(done, start, end, "end");
    input.focus();
    show();
  };
  const show = () => {
    const found = suggestions(input.value.slice(0, input.selectionEnd));
    start = found.start;
    active = -1;
    list.replaceChildren(...found.options.map((text, place) => {
      const option = element("li", { id: `suggestion-${place}`, role: "option", "aria-selected": "false" }, text);
      // Before the field loses the focus.
      option.addEventListener("mousedown", (event) => { event.preventDefault(); take(text); });
      option.dataset.text = text;
      return option;
    }));
    list.hidden = found.options.length === 0;
    input.setAttribute("aria-expanded", String(!list.hidden));
    input.removeAttribute("aria-activedescendant");
  };
  const move = (step) => {
    const options = [...list.children];
    active = (active + step + options.length + (active < 0 && step < 0 ? 1 : 0)) % options.length;
    options.forEach((option, place) => option.setAttribute("aria-selected", String(place === active)));
    input.setAttribute("aria-activedescendant", options[active].id);
    options[active].scrollIntoView({ block: "nearest" });
  };

  input.addEventListener("input", show);
  input.addEventListener("click", show);
  input.addEventListener("blur", close);
  input.form.addEventListener("submit", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      if (list.hidden) input.blur();
      close();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) show();
      if (!list.hidden) move(event.key === "ArrowDown" ? 1 : -1);
    } else if ((event.key === "Enter" || event.key === "Tab") && active >= 0) {
      event.preventDefault();
      take(list.children[active].dataset.text);
    }
  });
}
