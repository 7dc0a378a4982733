// The list's calls: a snapshot by pages, live ones above it, and those that wait.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PAGE, Rows, passesUnfinished } from "./rows.js";

const call = (number, more = {}) => ({ path: `d/s/call_${number}`, call_id: `call_${number}`, timestamp: number, state: "finished", ...more });
const event = (what, number, more = {}, passes = true) => ({ what, passes, call: call(number, more) });

/** A server with calls 1 to `total`, the newest of which is the last. */
function server(total) {
  const asked = [];
  let newest = total;
  let forgotten = false;
  const ask = async (offset, limit, asOf, signal) => {
    asked.push(offset);
    await null;
    signal?.throwIfAborted();
    const all = Number(forgotten ? newest : asOf ?? newest);
    const calls = [];
    for (let at = offset; at < Math.min(offset + limit, all); at += 1) calls.push(call(all - at));
    return { roots: ["r"], exists: true, total: all, as_of: String(all), loading: false, calls, unreadable: [] };
  };
  let outdated = 0;
  const rows = new Rows(ask, { changed: () => {}, failed: (error) => { throw error; }, outdated: () => { outdated += 1; } });
  return { rows, asked, grow: (by) => { newest += by; }, forget: () => { forgotten = true; }, outdated: () => outdated };
}

test("only pages that are looked at are asked for", async () => {
  const { rows, asked } = server(1_000_000);
  await rows.refresh();
  assert.equal(rows.length, 1_000_000);
  assert.equal(rows.at(0).call_id, "call_1000000");
  assert.equal(rows.at(500_000), undefined);
  await rows.need(499_990, 500_010);
  assert.equal(rows.at(500_000).call_id, "call_500000");
  assert.deepEqual(asked, [0, 499_900, 500_000]);
  assert.equal(rows.placeOf("d/s/call_500000"), 500_000);
});

test("what was scrolled past is given up, and can be asked for again", async () => {
  const { rows } = server(100_000);
  await rows.refresh();
  const past = rows.need(10_000, 10_050);
  const now = rows.need(90_000, 90_050);
  await Promise.all([past, now]);
  assert.equal(rows.at(10_000), undefined);
  assert.equal(rows.at(90_000).timestamp, 10_000);
  await rows.need(10_000, 10_050);
  assert.equal(rows.at(10_000).timestamp, 90_000);
});

test("the memory of a list that was scrolled through has an end, and the first page stays", async () => {
  const { rows } = server(1_000_000);
  await rows.refresh();
  for (let page = 1; page < 200; page += 1) await rows.need(page * PAGE, page * PAGE + 1);
  assert.equal(rows.at(150), undefined);
  assert.ok(rows.at(199 * PAGE));
  assert.ok(rows.at(0));
});

test("new calls wait, and stand above the others when they are wanted", async () => {
  const { rows } = server(10);
  await rows.refresh();
  assert.deepEqual(rows.take([event("started", 11, { state: "in_flight" }), event("started", 12)], ""), new Set());
  assert.deepEqual([rows.length, rows.waiting], [10, 2]);
  rows.take([event("finished", 11, { status: "ok" })], "");
  assert.equal(rows.waiting, 2);
  assert.ok(rows.canShowWaiting);
  rows.showWaiting();
  assert.deepEqual([0, 1, 2].map((at) => rows.at(at).timestamp), [12, 11, 10]);
  assert.equal(rows.at(1).status, "ok");
  assert.deepEqual([rows.length, rows.waiting, rows.placeOf("d/s/call_10")], [12, 0, 2]);
});

test("calls that are shown follow, whether they pass the filter or not", async () => {
  const { rows } = server(10);
  await rows.refresh();
  const changed = rows.take([event("finished", 7, { status: "error" }, false), event("finished", 99, {}, false)], "status:in-flight");
  assert.deepEqual(changed, new Set(["d/s/call_7"]));
  assert.equal(rows.at(3).status, "error");
  assert.equal(rows.waiting, 0);
});

test("a call that was there before the snapshot is not new when it ends", async () => {
  const { rows } = server(1000);
  await rows.refresh();
  rows.take([event("finished", 500)], "");
  assert.equal(rows.waiting, 0);
  // Among those that failed it is: it was not one of them before, and is not the newest.
  rows.take([event("finished", 500)], "status:error");
  assert.equal(rows.waiting, 1);
  assert.ok(!rows.canShowWaiting);
});

test("no call is there twice when a page has it, too", async () => {
  const { rows } = server(1000);
  await rows.refresh();
  rows.take([event("started", 800)], "");
  rows.showWaiting();
  assert.equal(rows.length, 1001);
  await rows.need(150, 260);
  assert.equal(rows.length, 1000);
  assert.equal(rows.placeOf("d/s/call_800"), 200);
});

test("a new snapshot has no rest of the old one", async () => {
  const { rows, grow } = server(300);
  await rows.refresh();
  await rows.need(250, 260);
  rows.take([event("started", 301)], "");
  rows.showWaiting();
  grow(5);
  await rows.refresh();
  assert.deepEqual([rows.length, rows.waiting, rows.asOf], [305, 0, "305"]);
  assert.equal(rows.at(0).timestamp, 305);
  assert.equal(rows.at(255), undefined);
});

test("places of another list are not taken for those of this one", async () => {
  const { rows, grow, forget, outdated } = server(1000);
  await rows.refresh();
  grow(7);
  forget();
  await rows.need(500, 510);
  assert.equal(rows.at(505), undefined);
  assert.ok(outdated() > 0);
  await rows.refresh();
  await rows.need(500, 510);
  assert.equal(rows.at(505).timestamp, 502);
});

test("of calls that go on, only the start is known", () => {
  for (const query of ["", "session:1 since:2h", "status:in-flight", "status:ok,in_flight"]) assert.ok(passesUnfinished(query), query);
  for (const query of ["status:error", "model:gpt*", "please", "status:in-flight tool:x"]) assert.ok(!passesUnfinished(query), query);
});
