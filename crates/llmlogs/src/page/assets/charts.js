// The charts: uPlot on a canvas, and behind each a table of the same numbers. To drag over one, or to follow a link of a
// table, sets the range in the address.

import { go, pageAddress } from "./address.js";
import { element } from "./dom.js";
import { time } from "./format.js";
import { show } from "./patch.js";
import { charts, starts } from "./series.js";
import uPlot from "./vendor/uplot/uPlot.esm.js";

const HEIGHT = 170;

/** By title, what is shown: `{ place, holder, plot, shape, chart, series }`. */
const shown = new Map();

/** Shows the charts of a series in `place`; changes those that are there. */
export function showCharts(place, series) {
  const wanted = series && series.buckets.length > 0 ? charts(series) : [];
  for (const [title, one] of shown) {
    if (wanted.some((chart) => chart.title === title)) continue;
    one.plot.destroy();
    one.figure.remove();
    shown.delete(title);
  }
  for (const chart of wanted) {
    const one = shown.get(chart.title) ?? begin(place, chart.title);
    one.chart = chart;
    one.series = series;
    draw(one);
    tell(one);
  }
}

function begin(place, title) {
  const holder = element("div", { class: "plot", role: "img" });
  const body = element("div");
  const details = element("details", {}, element("summary", {}, "Numbers"), body);
  const figure = element("figure", {}, element("figcaption", {}, title), holder, details);
  const one = { figure, holder, body, details, plot: null, shape: "", chart: null, series: null };
  details.addEventListener("toggle", () => tell(one));
  place.append(figure);
  shown.set(title, one);
  widths.observe(holder);
  return one;
}

const widths = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    const one = [...shown.values()].find(({ holder }) => holder === target);
    if (one?.plot && contentRect.width > 0) one.plot.setSize({ width: Math.floor(contentRect.width), height: HEIGHT });
  }
});

// A canvas does not follow the system's theme by itself.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const one of shown.values()) {
    one.shape = "";
    draw(one);
  }
});

function draw(one) {
  const { chart, series, holder } = one;
  const data = [starts(series), ...drawn(chart).map((line) => line.heights)];
  const shape = chart.lines.map((line) => line.name).join("\n");
  if (one.plot && one.shape === shape) {
    one.plot.setData(data);
    return;
  }
  one.plot?.destroy();
  one.shape = shape;
  one.plot = new uPlot(options(one), data, holder);
}

/** The lines as they are drawn, the highest first: of a stack, each with those below it. */
function drawn({ kind, lines }) {
  if (kind !== "stacked") return lines.map((line) => ({ ...line, heights: line.values }));
  let below = lines[0] ? lines[0].values.map(() => 0) : [];
  const stacked = lines.map((line) => {
    below = below.map((height, at) => height + (line.values[at] ?? 0));
    return { ...line, heights: below };
  });
  return stacked.reverse();
}

function options(one) {
  const { chart, holder } = one;
  const [dim, line] = [colour("dim"), colour("line")];
  const isStacked = chart.kind === "stacked";
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const axis = { stroke: dim, font, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1, size: 4 } };
  const lines = drawn(chart);
  return {
    width: Math.max(200, Math.floor(holder.clientWidth)),
    height: HEIGHT,
    padding: [8, 16, 0, 0],
    cursor: { y: false, drag: { x: true, y: false, setScale: false }, sync: { key: "overview" }, points: { show: !isStacked } },
    scales: {
      x: { time: true, range: () => [one.series.start, one.series.start + one.series.step * one.series.buckets.length] },
      y: { range: (_, _least, most) => [0, most > 0 ? most * 1.08 : 1] },
    },
    axes: [
      { ...axis, values: (_, splits, _axis, _space, step) => splits.map((at, place) => tickText(at, splits[place - 1], step)), size: 34 },
      { ...axis, values: (_, splits) => splits.map((value) => chart.format(value)), size: 58 },
    ],
    series: [
      { label: "Time", value: (_, at) => (at === null ? "–" : time(at)) },
      ...lines.map((of, place) => ({
        label: of.name,
        stroke: colour(of.colour),
        width: isStacked ? 0 : 1.5,
        fill: isStacked ? colour(of.colour) : undefined,
        paths: isStacked ? uPlot.paths.bars({ size: [0.92, 60], align: 1 }) : undefined,
        points: { show: isStacked ? false : undefined, size: 4 },
        value: (_, _height, _line, at) => {
          const value = at === null || at === undefined ? null : drawn(one.chart)[place]?.values[at];
          return value === null || value === undefined ? "–" : chart.format(value);
        },
      })),
    ],
    bands: isStacked ? [] : lines.slice(1).map((of, place) => ({ series: [place + 2, place + 1], fill: faint(colour(of.colour)) })),
    hooks: { setSelect: [zoom] },
  };
}

/** A day is named where one begins. */
function tickText(at, before, step) {
  const [day, clock] = [(text) => text.slice(-14, -9), (text) => text.slice(-8, step < 60 ? undefined : -3)].map((take) => take(time(at)));
  if (step >= 86_400) return day;
  const isNew = before === undefined || time(before).slice(-14, -9) !== day;
  return isNew ? `${clock}\n${day}` : clock;
}

function zoom(plot) {
  const { left, width } = plot.select;
  if (width < 4) return;
  const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  go(range(from, to));
}

/** The range as it stands in an address: whole seconds with the offset of this place. */
function range(from, to) {
  return { since: written(Math.floor(from)), until: written(Math.ceil(to)), date: "" };
}

function written(seconds) {
  const at = new Date(seconds * 1000);
  const offset = -at.getTimezoneOffset();
  const local = new Date(at.getTime() + offset * 60_000).toISOString().slice(0, 19);
  const two = (value) => String(value).padStart(2, "0");
  const size = Math.abs(offset);
  return `${local}${offset < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** Says what the chart shows: in words for those who do not see it, and in a table for all. */
function tell({ chart, series, holder, details, body }) {
  const ends = [series.start, series.start + series.step * series.buckets.length];
  holder.setAttribute("aria-label", `${chart.title}, ${ends.map(time).join(" to ")}. The numbers are in the table below.`);
  if (!details.open) return;
  const at = starts(series);
  const rows = at.map((start, place) => ({ start, place })).reverse();
  const head = ["From", ...chart.lines.map((line) => line.name)];
  show(body, element("div", { class: "wide tall", tabindex: "0", role: "region", "aria-label": `${chart.title}, numbers` }, element("table", {},
    element("thead", {}, element("tr", {}, ...head.map((name, place) => element("th", { scope: "col", class: place > 0 ? "number" : "" }, name)))),
    element("tbody", {}, ...rows.map(({ start, place }) => element("tr", { "data-key": String(start) },
      element("th", { scope: "row", class: "name" },
        element("a", { href: pageAddress("/", range(start, start + series.step)) }, time(start))),
      ...chart.lines.map((line) => element("td", { class: "number" },
        line.values[place] === null || line.values[place] === undefined ? "–" : chart.format(line.values[place])))))))));
}

/** Returns a colour of the stylesheet as the canvas understands it. */
function colour(name) {
  const probe = document.createElement("span");
  probe.className = `colour-${name}`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

const faint = (rgb) => rgb.replace(/^rgba?\(([^)]+)\)$/, (_, parts) => `rgba(${parts.split(",").slice(0, 3).join(",")}, 0.15)`);
