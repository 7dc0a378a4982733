// A figure's course as a line of a tile's size. It has no numbers: those are in the charts and behind them.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 100;
const HEIGHT = 28;

/** Returns the line through `values`, from zero up unless `floor` says otherwise; null leaves a gap. */
export function spark(values, floor = 0) {
  const known = values.filter((value) => value !== null && value !== undefined);
  const made = svg("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  if (known.length < 2) return made;
  const most = Math.max(...known);
  const span = most - floor || 1;
  const x = (place) => ((place * WIDTH) / Math.max(1, values.length - 1)).toFixed(1);
  const y = (value) => (HEIGHT - 2 - ((Math.max(value, floor) - floor) / span) * (HEIGHT - 4)).toFixed(1);
  let line = "";
  let area = "";
  for (const [from, to] of runs(values)) {
    const points = values.slice(from, to).map((value, step) => `${x(from + step)} ${y(value)}`);
    // A single point would not be seen.
    if (points.length === 1) points.push(`${Math.min(WIDTH, Number(x(from)) + 1)} ${y(values[from])}`);
    line += `M${points.join("L")}`;
    area += `M${x(from)} ${HEIGHT}L${points.join("L")}L${points.at(-1).split(" ")[0]} ${HEIGHT}Z`;
  }
  made.append(svg("path", { class: "area", d: area }), svg("path", { class: "line", d: line }));
  return made;
}

/** The stretches without a gap: from where, and up to where. */
function runs(values) {
  const found = [];
  let from = null;
  for (let at = 0; at <= values.length; at += 1) {
    const known = at < values.length && values[at] !== null && values[at] !== undefined;
    if (known) from ??= at;
    else if (from !== null) {
      found.push([from, at]);
      from = null;
    }
  }
  return found;
}

function svg(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
