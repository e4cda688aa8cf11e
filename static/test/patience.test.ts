import assert from "node:assert/strict";
import { test } from "node:test";

import { Patience } from "../src/lib/patience.ts";

/** What is answered to these counts of repairs, one a second. */
function answers(counts: number[], roundTripMs = 50): (number | null)[] {
  const patience = new Patience();
  return counts.map((count) => patience.note(count, roundTripMs));
}

test("nothing is kept back while nothing is missing", () => {
  assert.deepEqual(answers([0, 0, 0, 0]), [null, null, null, null]);
});

test("repairs of the time before do not count, nor does one bad second", () => {
  assert.deepEqual(answers([7, 7, 9, 9, 9, 9, 9, 9]), Array(8).fill(null));
});

test("two bad seconds soon after each other: a round trip and a half, and a frame, is waited", () => {
  assert.deepEqual(answers([0, 4, 9]), [null, null, 125]);
  assert.deepEqual(answers([0, 4, 4, 9]), [null, null, null, 125]);
});

test("the wait is given back after ten calm seconds, not before", () => {
  const given = answers([0, 4, 9, ...Array<number>(10).fill(9)]);
  assert.deepEqual(given.slice(2, 12), Array(10).fill(125));
  assert.equal(given[12], null);
});

test("the wait has bounds", () => {
  assert.equal(answers([0, 1, 2], 1)[2], 80);
  assert.equal(answers([0, 1, 2], 5000)[2], 400);
});

test("a round trip that changes a little changes nothing", () => {
  const patience = new Patience();
  const given = [50, 50, 50, 60, 100].map((roundTrip, second) => patience.note(second, roundTrip));
  assert.deepEqual(given, [null, null, 125, 125, 200]);
});

test("a count that starts again is a new stream, not a loss", () => {
  assert.deepEqual(answers([50, 0, 0]), [null, null, null]);
});
