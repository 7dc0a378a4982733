// The rows in view, of a list of any length. One of them is selected; keys and assistive technology take it for the focus.

import { element } from "./dom.js";
import { shortId } from "./format.js";
import { COLUMNS, status, tick } from "./row.js";
import { Scroll } from "./scroll.js";

/** Rows above and below the view that are there, too. */
const SPARE = 8;

/** Rows further above and below that are asked for, too. */
const AHEAD = 60;

/** The time between two questions, in milliseconds: rows that somebody drags past are not asked for. */
const REST = 50;

export class Grid {
  /** The place of the selected call, -1 without one; and its path, once it is loaded. */
  selected = -1;
  selectedPath = null;
  /** The paths of marked calls, in the order in which they were marked. */
  marked = new Set();
  #rows;
  #box;
  #body;
  #scroll = new Scroll();
  #shown = new Map();
  #height = 28;
  #resting = null;
  #wanted = [0, 0];
  #settling = null;
  /** Called when another call is selected (undefined while it is not loaded), opened, marked; when the view has moved. */
  onSelect = () => {};
  onOpen = () => {};
  onMark = () => {};
  onMove = () => {};

  constructor(box, rows) {
    this.#rows = rows;
    this.#box = box;
    const cells = COLUMNS.map(({ name, kind }, place) =>
      element("span", { role: "columnheader", class: kind, "aria-colindex": String(place + 2) }, name));
    const mark = element("span", { role: "columnheader", class: "mark", "aria-colindex": "1" }, element("span", { class: "unseen" }, "Marked"));
    this.#body = element("div", { role: "rowgroup", class: "body" });
    box.append(
      element("div", { role: "rowgroup", class: "head" }, element("div", { role: "row", "aria-rowindex": "1", class: "row" }, mark, ...cells)),
      this.#body,
    );
    box.setAttribute("aria-colcount", String(COLUMNS.length + 1));
    box.addEventListener("scroll", () => this.#onScroll(), { passive: true });
    box.addEventListener("scrollend", () => this.#settle());
    this.#body.addEventListener("click", (event) => this.#onClick(event));
    this.#body.addEventListener("dblclick", (event) => {
      const call = this.#rows.at(this.#indexOf(event));
      if (call && !event.target.closest("a, input")) this.onOpen(call);
    });
    new ResizeObserver(() => this.#onResize()).observe(box);
    setInterval(() => tick(this.#body), 1000);
  }

  get isAtTop() {
    return this.#scroll.top < this.#height;
  }

  /** The first row in view, with how many of its pixels are above the view. */
  get anchor() {
    return { index: Math.floor(this.#scroll.top / this.#height), above: Math.round(this.#scroll.top % this.#height) };
  }

  get #view() {
    return Math.max(this.#height, this.#box.clientHeight - this.#body.offsetTop);
  }

  #perView() {
    return Math.max(1, Math.floor(this.#view / this.#height));
  }

  /** Shows what is in view now; `changed` are paths of calls that have changed, all of them without it. */
  render(changed = null) {
    this.#height = Number.parseFloat(getComputedStyle(this.#box).getPropertyValue("--row")) || this.#height;
    this.#scroll.resize(this.#rows.length * this.#height, this.#view);
    const height = `${this.#scroll.height}px`;
    if (this.#body.style.height !== height) {
      this.#body.style.height = height;
      // A lower element may have moved the scrollbar.
      this.#scroll.bar = this.#box.scrollTop;
    }
    this.#box.setAttribute("aria-rowcount", String(this.#rows.length + 1));
    for (const [index, shown] of this.#shown) {
      const call = this.#rows.at(index);
      if (!changed || changed.has(call?.path) || shown.call !== call) this.#remove(index);
    }
    this.#place();
  }

  #remove(index) {
    this.#shown.get(index).made.remove();
    this.#shown.delete(index);
  }

  #place() {
    const first = Math.max(0, Math.floor(this.#scroll.top / this.#height) - SPARE);
    const last = Math.min(this.#rows.length - 1, first + this.#perView() + 2 * SPARE);
    for (const index of [...this.#shown.keys()]) {
      if (index < first || index > last) this.#remove(index);
    }
    let before = null;
    for (let index = first; index <= last; index += 1) {
      const call = this.#rows.at(index);
      let shown = this.#shown.get(index);
      if (shown && shown.call !== call) {
        this.#remove(index);
        shown = null;
      }
      if (!shown) {
        shown = { call, made: this.#row(index, call) };
        this.#shown.set(index, shown);
        // In the order of the list, for those who read it.
        if (before) before.after(shown.made);
        else this.#body.prepend(shown.made);
      }
      before = shown.made;
      shown.made.style.transform = `translateY(${this.#scroll.place(index * this.#height)}px)`;
      const isSelected = index === this.selected;
      shown.made.setAttribute("aria-selected", String(isSelected));
      const check = shown.made.querySelector("input");
      if (check) check.checked = this.marked.has(call.path);
    }
    const active = this.#shown.has(this.selected) ? `row-${this.selected}` : null;
    if (active) this.#box.setAttribute("aria-activedescendant", active);
    else this.#box.removeAttribute("aria-activedescendant");
    this.#needSoon(first, last);
  }

  #row(index, call) {
    const attributes = { role: "row", id: `row-${index}`, class: "row", "aria-rowindex": String(index + 2), "data-index": String(index) };
    if (!call) {
      return element("div", { ...attributes, "aria-busy": "true" }, element("span", { role: "gridcell", class: "waits" }, "…"));
    }
    const check = element("input", { type: "checkbox", tabindex: "-1", "aria-label": `Mark ${shortId(call.call_id)}` });
    check.checked = this.marked.has(call.path);
    const cells = COLUMNS.map(({ kind, of }, place) => {
      const content = [of(call)].flat();
      const cell = element("span", { role: "gridcell", class: kind, "aria-colindex": String(place + 2) }, ...content);
      if (!kind.includes("number") && cell.textContent.length > 12) cell.title = cell.textContent;
      return cell;
    });
    const [, kind] = status(call);
    return element("div", { ...attributes, class: `row is-${kind}` },
      element("span", { role: "gridcell", class: "mark", "aria-colindex": "1" }, check), ...cells);
  }

  /** Asks for what is missing in view and near it, at most once in a while. */
  #needSoon(first, last) {
    this.#wanted = [first - AHEAD, last + AHEAD];
    this.#resting ??= setTimeout(() => {
      this.#resting = null;
      this.#rows.need(Math.max(0, this.#wanted[0]), this.#wanted[1]);
    }, REST);
  }

  #onScroll() {
    this.#scroll.moved(this.#box.scrollTop);
    this.#place();
    this.onMove();
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#settle(), 200);
  }

  /** What was selected in view stays there. */
  #onResize() {
    const isShown = this.#shown.has(this.selected);
    this.render();
    if (isShown) this.#reveal(this.selected);
  }

  /** Puts the scrollbar where it belongs. */
  #settle() {
    clearTimeout(this.#settling);
    const bar = this.#scroll.settle();
    if (Math.abs(bar - this.#box.scrollTop) < 1) return;
    this.#box.scrollTop = bar;
    this.#scroll.bar = this.#box.scrollTop;
    this.#place();
  }

  /** Goes to a place of the list; `above` pixels of its row are above the view. */
  goTo(index, above = 0) {
    this.#box.scrollTop = this.#scroll.go(index * this.#height + above);
    this.#scroll.bar = this.#box.scrollTop;
    this.#place();
  }

  /** Selects the call in this place, and brings it into view. */
  select(index) {
    this.selected = Math.max(-1, Math.min(index, this.#rows.length - 1));
    const call = this.#rows.at(this.selected);
    this.selectedPath = call?.path ?? null;
    if (this.selected >= 0) this.#reveal(this.selected);
    this.#place();
    this.onSelect(call);
  }

  #reveal(index) {
    const top = index * this.#height;
    if (top < this.#scroll.top) this.goTo(index);
    else if (top + this.#height > this.#scroll.top + this.#view) this.goTo(index, this.#height - this.#view);
  }

  /** Moves the selection; from the first row in view if nothing is selected. */
  move(step) {
    if (this.#rows.length === 0) return;
    this.select(this.selected < 0 ? this.anchor.index : Math.max(0, this.selected + step));
  }

  /** Moves it by views. */
  movePage(step) {
    this.move(step * Math.max(1, this.#perView() - 1));
  }

  /** Takes note that the list has changed: a selected call may be in another place, or be loaded now. */
  changed(paths = null) {
    if (this.selectedPath) {
      const place = this.#rows.placeOf(this.selectedPath);
      if (place >= 0) this.selected = place;
    } else if (this.selected >= 0 && this.#rows.at(this.selected)) {
      this.selectedPath = this.#rows.at(this.selected).path;
      this.onSelect(this.#rows.at(this.selected));
    }
    this.render(paths);
  }

  toggleMark(call) {
    if (!this.marked.delete(call.path)) this.marked.add(call.path);
    this.render(new Set([call.path]));
    this.onMark();
  }

  clearMarks() {
    this.marked.clear();
    this.render();
    this.onMark();
  }

  #indexOf(event) {
    const row = event.target.closest("[data-index]");
    return row ? Number(row.dataset.index) : -1;
  }

  #onClick(event) {
    const index = this.#indexOf(event);
    const call = this.#rows.at(index);
    if (!call || event.target.closest("a")) return;
    if (event.target.closest("input, .mark")) this.toggleMark(call);
    else if (getSelection().isCollapsed) this.select(index);
  }
}
