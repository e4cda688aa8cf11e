import assert from "node:assert/strict";
import { test } from "node:test";

import { HIDDEN, inPixels, isNews, larger } from "../src/lib/shownSize.ts";
import { withActive } from "../src/lib/wantedEncodings.ts";
import { PATIENCE_MS, WeakLink } from "../src/lib/weakLink.ts";

test("a tile's size counts in the pixels of the screen", () => {
  assert.deepEqual(inPixels({ width: 320.4, height: 180 }, 2), { width: 641, height: 360 });
  assert.deepEqual(inPixels({ width: 0.2, height: 0.2 }, 1), { width: 1, height: 1 });
  assert.deepEqual(inPixels({ width: 0, height: 180 }, 2), HIDDEN);
  assert.deepEqual(inPixels({ width: 100_000, height: 10 }, 1), { width: 16_384, height: 10 });
});

test("a tenth more or less is no news, hiding and showing is", () => {
  const told = { width: 1000, height: 500 };
  assert.equal(isNews(undefined, HIDDEN), true);
  assert.equal(isNews(told, { width: 1100, height: 450 }), false);
  assert.equal(isNews(told, { width: 1101, height: 500 }), true);
  assert.equal(isNews(told, { width: 1000, height: 449 }), true);
  assert.equal(isNews(told, HIDDEN), true);
  assert.equal(isNews(HIDDEN, { width: 1, height: 1 }), true);
  assert.equal(isNews(HIDDEN, HIDDEN), false);
});

test("of two views of a picture the larger one counts", () => {
  const [small, large] = [{ width: 10, height: 10 }, { width: 20, height: 20 }];
  assert.equal(larger(small, large), large);
  assert.equal(larger(large, small), large);
});

test("switching encodings keeps everything else that a sender is told", () => {
  const parameters = {
    transactionId: "t",
    degradationPreference: "balanced",
    encodings: [
      { rid: "r0", maxBitrate: 1, active: true },
      { rid: "r1", maxBitrate: 2, scaleResolutionDownBy: 2 },
      { rid: "r2", maxBitrate: 3, active: false },
    ],
  };
  assert.deepEqual(withActive(parameters, [true, false, true]), {
    ...parameters,
    encodings: [
      { rid: "r0", maxBitrate: 1, active: true },
      { rid: "r1", maxBitrate: 2, scaleResolutionDownBy: 2, active: false },
      { rid: "r2", maxBitrate: 3, active: true },
    ],
  });
});

test("a sender that does as wanted is left alone, and so are encodings that nothing is said of", () => {
  const parameters = { encodings: [{ active: true }, {}, { active: false }] };
  assert.equal(withActive(parameters, [true, true, false]), null);
  assert.equal(withActive(parameters, []), null);
  assert.equal(withActive({ encodings: [] as { active?: boolean }[] }, [false]), null);
});

test("a connection is called weak when it has been short for some seconds, and good at once", () => {
  const link = new WeakLink();
  const short = { availableBitrate: 500, desiredBitrate: 1000, pausedConsumerIds: [] };
  assert.equal(link.isWeak(0), false);
  link.note(short, 1000);
  link.note(short, 4000);
  assert.equal(link.isWeak(1000 + PATIENCE_MS - 1), false);
  assert.equal(link.isWeak(1000 + PATIENCE_MS), true);
  link.note({ ...short, availableBitrate: 1000 }, 8000);
  assert.equal(link.isWeak(8000), false);
  assert.equal(link.weakFrom, null);
  link.note({ ...short, availableBitrate: 2000, pausedConsumerIds: ["c"] }, 9000);
  assert.equal(link.weakFrom, 9000 + PATIENCE_MS);
});
