// Places in a list that is higher than an element can be.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Scroll } from "./scroll.js";

const ROW = 28;
const VIEW = 700;

function scroll(rows) {
  const made = new Scroll();
  made.resize(rows * ROW, VIEW);
  return made;
}

/** Moves the scrollbar as a browser does, which has whole pixels and an end. */
function set(list, bar) {
  return Math.round(Math.max(0, Math.min(bar, list.height - VIEW)));
}

test("a short list is the element", () => {
  const list = scroll(1000);
  assert.equal(list.height, 28_000);
  list.moved(1234);
  assert.equal(list.top, 1234);
  assert.equal(list.place(1300), 1300);
});

test("a long one has the height that browsers allow, and both ends are reached", () => {
  const list = scroll(1_000_000);
  assert.equal(list.height, 8_000_000);
  list.moved(8_000_000 - VIEW);
  assert.equal(Math.round(list.top), 28_000_000 - VIEW);
  list.moved(0);
  assert.equal(list.top, 0);
});

test("small moves are exact, also after many of them", () => {
  const list = scroll(1_000_000);
  list.bar = set(list, list.go(14_000_000));
  const { top } = list;
  for (let move = 1; move <= 500; move += 1) {
    list.moved(list.bar + 100);
    assert.equal(list.top, top + move * 100);
    // The row at the top of the view is at the top of the view.
    assert.equal(list.place(list.top), list.bar);
  }
  list.bar = set(list, list.settle());
  assert.equal(list.top, top + 50_000);
});

test("each row can be gone to, and is where the view is", () => {
  const list = scroll(5_000_000);
  for (const row of [0, 1, 17, 2_499_999, 4_999_000]) {
    list.bar = set(list, list.go(row * ROW));
    assert.equal(list.top, row * ROW);
    const inView = list.place(row * ROW) - list.bar;
    assert.ok(Math.abs(inView) < 1, `row ${row} is ${inView} pixels off`);
  }
});

test("a list that becomes shorter has no place behind its end", () => {
  const list = scroll(1_000_000);
  list.bar = set(list, list.go(28_000_000));
  list.resize(100 * ROW, VIEW);
  assert.equal(list.top, 100 * ROW - VIEW);
  list.resize(3 * ROW, VIEW);
  assert.equal(list.top, 0);
});
