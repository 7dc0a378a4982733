// Numbers and times are written as the command writes them (`output/format.rs` has the same examples).

import assert from "node:assert/strict";
import { test } from "node:test";
import { amount, compact, count, duration, money, percent, shortId, size, time } from "./format.js";

test("numbers read well", () => {
  assert.equal(count(1_234_567), "1,234,567");
  assert.deepEqual([999, 1296, 12_900, 3_400_000].map(compact), ["999", "1,296", "12.9k", "3.4M"]);
  assert.deepEqual([812, 2500, 9999, 11_200, 59_990, 62_000, 11_040_000, 183_600_000].map(duration),
    ["812ms", "2.50s", "10.00s", "11.2s", "1m00s", "1m02s", "3h04m", "2d03h"]);
  assert.equal(duration(null), "–");
  assert.deepEqual([amount(0.00163, "CNY"), amount(12.345, "USD"), amount(0.5, ""), amount(0, "USD"), amount(1.2, "USD")],
    ["0.00163 CNY", "12.35 USD", "0.5", "0 USD", "1.2 USD"]);
  assert.equal(money({ USD: 1.5, CNY: 0.002 }), "1.5 USD  0.002 CNY");
  assert.deepEqual([percent(1 / 3), percent(1 / 100_000), percent(0.99999), percent(1), percent(0), percent(null)],
    ["33.3%", "0.1%", "99.9%", "100%", "0%", "–"]);
  assert.deepEqual([size(999), size(12_345_678)], ["999 B", "12.3 MB"]);
});

test("a time has its year where it is not this one", () => {
  const now = new Date();
  const at = new Date(now.getFullYear(), 0, 2, 3, 4, 5);
  assert.equal(time(at.getTime() / 1000), "01-02 03:04:05");
  at.setFullYear(2024);
  assert.equal(time(at.getTime() / 1000), "2024-01-02 03:04:05");
  assert.equal(time(0), "?");
});

test("an id is short", () => {
  assert.equal(shortId("call_20251027_040210_001"), "040210_001");
  assert.equal(shortId("another"), "another");
});
