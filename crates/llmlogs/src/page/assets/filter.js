// The form in the header: filter, range and root; its terms as chips; what can be written next.

import { address, go, onAddress, pageAddress } from "./address.js";
import { button, element, plain } from "./dom.js";
import { addKeys } from "./keys.js";
import { beginRange, showRange } from "./range.js";
import { suggest } from "./suggest.js";
import { terms, withoutTerm } from "./terms.js";

const form = () => document.getElementById("filter");

/** Fills the form from the address, and the links to other pages with it; goes on doing so. */
export function beginFilter() {
  const field = form().elements.q;
  field.before(element("span", { class: "field" }));
  field.previousSibling.append(field);
  suggest(field, field.parentElement);
  form().closest("header").append(element("ul", { id: "chips", "aria-label": "Terms of the filter", hidden: true }));
  tellRoots();
  // form-action is 'none': the address is set here.
  form().addEventListener("submit", (event) => {
    event.preventDefault();
    const changes = {};
    for (const [name, value] of new FormData(form())) changes[name] = value.trim();
    go(changes);
  });
  form().elements.root.addEventListener("change", () => form().requestSubmit());
  beginRange();
  addKeys([{ keys: ["/"], says: "Write a filter, such as model:gpt* status:error latency:>10s", run: () => field.select() }]);
  fill();
}

/** Fills the form anew whenever the address changes without a reload. */
export const followAddress = () => onAddress(fill);

function fill() {
  for (const link of document.querySelectorAll("a[data-keep]")) link.href = pageAddress(link.pathname);
  for (const name of ["q", "since", "until"]) form().elements[name].value = address.get(name) ?? "";
  const { options } = form().elements.root;
  if (options.length > 0) form().elements.root.value = address.get("root") ?? "0";
  showFilterProblem("");
  showRange();
  showChips();
}

function showChips() {
  const chip = (text, remove) => element("li", {}, button({ class: "chip", "aria-label": `Remove ${plain(text)}` }, remove,
    text, element("span", { "aria-hidden": "true" }, " ×")));
  const query = address.get("q") ?? "";
  const made = terms(query).map((one, place) => chip(one.text, () => go({ q: withoutTerm(query, place) })));
  for (const name of ["date", "since", "until"]) {
    if (address.get(name)) made.push(chip(`${name} ${address.get(name)}`, () => go({ [name]: "" })));
  }
  const chips = document.getElementById("chips");
  const clear = element("li", {}, button({ class: "clear" }, () => go({ q: "", date: "", since: "", until: "" }), "Clear all"));
  chips.replaceChildren(...made, ...(made.length > 1 ? [clear] : []));
  chips.hidden = made.length === 0;
}

/** Shows by the field why the server does not understand it; nothing takes it away. */
export function showFilterProblem(text) {
  const named = /^(since|until):/.exec(text)?.[1] ?? "q";
  let problem = document.getElementById("filter-problem");
  if (!problem) {
    problem = element("p", { id: "filter-problem", role: "alert" });
    form().append(problem);
  }
  problem.textContent = plain(text);
  problem.hidden = text === "";
  for (const name of ["q", "since", "until"]) {
    const field = form().elements[name];
    const wrong = text !== "" && name === named;
    field.toggleAttribute("aria-invalid", wrong);
    if (wrong) field.setAttribute("aria-invalid", "true");
    if (wrong) field.setAttribute("aria-describedby", problem.id);
    else field.removeAttribute("aria-describedby");
  }
}

/** Names the roots in the form. */
export function showRoots(paths) {
  const select = form().elements.root;
  if (select.options.length === paths.length) return;
  select.replaceChildren(...paths.map((path, number) => element("option", { value: String(number) }, path)));
  select.value = address.get("root") ?? "0";
  tellRoots();
}

/** With one root there is nothing to choose; it is only named. */
function tellRoots() {
  const { options, parentElement: label } = form().elements.root;
  label.hidden = options.length < 2;
  const named = document.getElementById("root");
  named.hidden = options.length !== 1;
  named.textContent = named.title = options.length === 1 ? options[0].text : "";
}
