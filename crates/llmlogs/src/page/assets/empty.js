// Nothing to show: why, and what to do.

import { address, go, search } from "./address.js";
import { button, element } from "./dom.js";
import { show } from "./patch.js";

/** The README's first program, word for word. */
const PROGRAM = String.raw`use tracing_subscriber::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (layer, _guard) = tracing_llmlogs::layer()?;
    tracing_subscriber::registry().with(layer).init();

    let client = reqwest_middleware::ClientBuilder::new(reqwest::Client::new())
        .with(tracing_llmlogs::LlmLogMiddleware::new())
        .build();
    let question = serde_json::json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]});
    let request = client.post("https://api.openai.com/v1/chat/completions").bearer_auth(std::env::var("OPENAI_API_KEY")?);
    println!("{}", request.json(&question).send().await?.text().await?);
    Ok(())
}
`;

const CRATES = `cargo add tracing-llmlogs tracing-subscriber
cargo add reqwest --features json
cargo add reqwest-middleware --features json
cargo add tokio --features macros,rt-multi-thread
cargo add serde_json
`;

/** Says in `place` why there is nothing; hides it where there is something. `exists` is whether the root does. */
export function showEmpty(place, exists, isEmpty) {
  place.hidden = !isEmpty;
  if (!isEmpty) return;
  const said = reason(exists);
  // What is there stays, so that a text can be selected while the page looks for calls.
  if (place.dataset.said === said + search()) return;
  place.dataset.said = said + search();
  place.replaceChildren();
  show(place, ...{ root: noRoot, calls: noCalls, match: noMatch }[said]());
}

function reason(exists) {
  if (!exists) return "root";
  return ["q", "date", "since", "until"].some((name) => address.get(name)) ? "match" : "calls";
}

function noMatch() {
  const buttons = [];
  if (address.get("q")) buttons.push(button({}, () => go({ q: "" }), "Drop the filter"));
  if (["date", "since", "until"].some((name) => address.get(name))) {
    buttons.push(button({}, () => go({ date: "", since: "", until: "" }), "Show all days"));
  }
  return [element("h2", {}, "No call passes the filter."), element("p", {}, ...buttons.flatMap((one) => [one, " "]))];
}

function noRoot() {
  return [
    element("h2", {}, "The root does not exist yet."),
    element("p", {}, "It is made by the first call that a program records; this page shows it then. To look at another folder: ",
      element("code", {}, "llmlogs serve --root FOLDER"), "."),
    ...program(),
  ];
}

function noCalls() {
  return [
    element("h2", {}, "No calls yet."),
    element("p", {}, "This page shows them as they come."),
    ...program(),
  ];
}

function program() {
  return [
    element("p", {}, "A program that records its calls:"),
    lines("Crates", CRATES),
    lines("Program", PROGRAM),
  ];
}

function lines(name, text) {
  const copy = async (event) => {
    const { target } = event;
    try {
      await navigator.clipboard.writeText(text);
      target.textContent = "Copied";
    } catch {
      // Only a secure address has a clipboard; the text can be selected.
      getSelection().selectAllChildren(target.closest(".lines").querySelector("pre"));
    }
  };
  const made = element("pre", { class: "block", tabindex: "0", "aria-label": name });
  made.textContent = text;
  return element("div", { class: "lines" }, button({ class: "copy" }, copy, "Copy"), made);
}
