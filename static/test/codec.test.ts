import assert from "node:assert/strict";
import { test } from "node:test";

import { codecOrder, readCodecWish, videoEncodings } from "../src/lib/codec.ts";

test("nothing asked for: VP8 first, as simulcast", () => {
  const wish = readCodecWish("");
  assert.deepEqual(wish, { codec: null, mode: null });
  assert.equal(codecOrder(wish)[0], "VP8");
  assert.equal(videoEncodings("VP8", wish, 720).length, 3);
});

test("VP9 and AV1 go in layers of one stream", () => {
  const wish = readCodecWish("?codec=vp9");
  assert.equal(codecOrder(wish)[0], "VP9");
  assert.deepEqual(
    videoEncodings("VP9", wish, 720).map((one) => one.scalabilityMode),
    ["L3T3_KEY"],
  );
  assert.deepEqual(
    videoEncodings("AV1", readCodecWish("?codec=av1&mode=L1T2"), 720).map((one) => one.scalabilityMode),
    ["L1T2"],
  );
});

test("simulcast of VP9 can be asked for", () => {
  assert.equal(videoEncodings("VP9", readCodecWish("?codec=vp9&mode=simulcast"), 720).length, 3);
});

test("what is no codec and no mode is ignored", () => {
  assert.deepEqual(readCodecWish("?codec=%3Cb%3E&mode=L9T9"), { codec: null, mode: null });
});
