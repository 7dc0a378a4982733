// A filter is split as the command splits it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { hasTerm, term, terms, toggleTerm, withoutTerm } from "./terms.js";
import { setValues, suggestions } from "./suggest.js";

test("terms keep what was written", () => {
  const query = String.raw` model:gpt*  text:"say \"please\" to a:b" timeout "two words" open:"quote `;
  assert.deepEqual(terms(query), [
    { field: "model", value: "gpt*", text: "model:gpt*" },
    { field: "text", value: 'say "please" to a:b', text: String.raw`text:"say \"please\" to a:b"` },
    { field: "", value: "timeout", text: "timeout" },
    { field: "", value: "two words", text: '"two words"' },
    { field: "open", value: '"quote', text: 'open:"quote' },
  ]);
  assert.deepEqual(terms("  "), []);
  assert.deepEqual(terms("model: x").map((one) => one.text), ["model:", "x"]);
});

test("a value is in quotes where it has to be", () => {
  assert.equal(term("model", "gpt-4o"), "model:gpt-4o");
  assert.equal(term("tool", "read file"), 'tool:"read file"');
  assert.equal(term("tool", 'a"b\\c'), String.raw`tool:"a\"b\\c"`);
  assert.deepEqual(terms(term("tool", 'a"b\\c d'))[0].value, 'a"b\\c d');
});

test("a click adds a term, and a second one removes it", () => {
  assert.equal(toggleTerm("", "status", "error"), "status:error");
  assert.equal(toggleTerm("status:error x", "model", "gpt 4"), 'status:error x model:"gpt 4"');
  assert.equal(toggleTerm('status:error model:"GPT-4" x', "model", "gpt-4"), "status:error x");
  assert.equal(toggleTerm("status:error,cancelled x", "status", "error"), "status:cancelled x");
  assert.ok(hasTerm("status:error,cancelled", "status", "cancelled"));
  assert.ok(!hasTerm("status:error", "status", "ok"));
  assert.equal(withoutTerm('a model:"b c" d', 1), "a d");
});

test("what can be written next", () => {
  setValues("model", ["gpt-4o", "claude sonnet"]);
  assert.deepEqual(suggestions("status:error mod"), { start: 13, options: ["model:"] });
  assert.deepEqual(suggestions("model:").options, ["model:gpt-4o", 'model:"claude sonnet"']);
  assert.deepEqual(suggestions("x model:son"), { start: 2, options: ['model:"claude sonnet"'] });
  assert.ok(suggestions("").options.includes("status:"));
  assert.deepEqual(suggestions('text:"a mod').options, []);
  assert.deepEqual(suggestions("colour:r").options, []);
});
