// A filter's terms, split as the command splits them; what they mean is the server's to say.

/** The fields of the grammar, as `llmlogs ls --help` has them, with what may stand behind them. */
export const FIELDS = {
  status: ["ok", "error", "cancelled", "in-flight", "interrupted", "not-recorded"],
  model: [],
  provider: [],
  error_type: [],
  tool: [],
  finish_reason: [],
  latency: [">1s", ">10s", "<500ms"],
  session: [],
  date: ["today", "yesterday"],
  since: ["15m", "2h", "24h", "7d"],
  until: [],
  context: [],
  text: [],
  body: [],
};

/** Returns the terms: `{ field, value, text }`, where `text` is as it was written and `field` is empty for free text. */
export function terms(query) {
  const found = [];
  let rest = query.trim();
  while (rest !== "") {
    const [, name, behind] = /^(?:([A-Za-z0-9_-]+):)?([\s\S]*)$/.exec(rest);
    const quoted = /^"((?:[^"\\]|\\[\s\S])*)"/.exec(behind);
    const word = quoted ? quoted[0] : /^\S*/.exec(behind)[0];
    const value = quoted ? quoted[1].replace(/\\([\s\S])/g, "$1") : word;
    const text = rest.slice(0, rest.length - behind.length + word.length);
    found.push({ field: name ?? "", value, text });
    rest = rest.slice(text.length).trimStart();
  }
  return found;
}

/** Returns `NAME:VALUE`, in quotes where it needs them. */
export function term(field, value) {
  return `${field}:${/^[^\s"\\]+$/.test(value) ? value : quoted(value)}`;
}

/** Returns the text in quotes. */
export const quoted = (text) => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;

/** Returns whether the filter has a term. Values are compared without regard to case, as the server does. */
export function hasTerm(query, field, value) {
  return terms(query).some((one) => one.field === field && values(one).includes(value.toLowerCase()));
}

/** Adds a term, or removes it if it is there. */
export function toggleTerm(query, field, value) {
  const all = terms(query);
  const kept = all.filter((one) => !(one.field === field && one.value.toLowerCase() === value.toLowerCase()));
  if (kept.length < all.length) return join(kept);
  // One of several values that stand with commas between them.
  const list = all.find((one) => one.field === "status" && field === "status" && values(one).includes(value));
  if (list) list.text = `status:${values(list).filter((one) => one !== value).join(",")}`;
  return list ? join(all) : join([...all, { text: term(field, value) }]);
}

/** Removes the term at this place. */
export const withoutTerm = (query, place) => join(terms(query).filter((_, at) => at !== place));

const join = (list) => list.map((one) => one.text).join(" ");

const values = (one) => (one.field === "status" ? one.value.split(",") : [one.value]).map((value) => value.toLowerCase());
