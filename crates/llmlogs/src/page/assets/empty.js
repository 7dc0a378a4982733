// What a page says that has nothing to show: what to do about it.

import { address, go } from "./address.js";
import { button, element } from "./dom.js";

const LINES = `use tracing_subscriber::prelude::*;

let (layer, _guard) = tracing_llmlogs::layer()?;
tracing_subscriber::registry().with(layer).init();

let client = reqwest_middleware::ClientBuilder::new(reqwest::Client::new())
    .with(tracing_llmlogs::LlmLogMiddleware::new())
    .build();
// Every request of this client to a model is recorded.`;

/** Returns what to do about a list without calls; `exists` says whether the root is there. */
export function nothing(exists) {
  const isFiltered = ["q", "date", "since", "until"].some((name) => address.get(name));
  if (exists && isFiltered) {
    return element("div", { class: "nothing" },
      element("p", {}, "No call passes the filter."),
      button({}, () => go({ q: "", date: "", since: "", until: "" }), "Show all calls"));
  }
  const code = element("pre", {});
  code.textContent = LINES;
  const says = exists ? "No calls yet." : "The root does not exist yet. It is made by the first call that a program records.";
  return element("div", { class: "nothing" }, element("p", {}, says), element("p", { class: "dim" }, "A program records its calls with these lines:"), code);
}
