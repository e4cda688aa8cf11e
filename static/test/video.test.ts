import assert from "node:assert/strict";
import { test } from "node:test";

import { DEFAULT_SIZE, readVideoSize, screenEncodings, simulcastEncodings } from "../src/lib/video.ts";

test("the video parameter lowers the capture size", () => {
  assert.deepEqual(readVideoSize("?video=640x360"), { width: 640, height: 360 });
});

test("a video parameter that makes no sense is as good as none", () => {
  for (const search of ["", "?video=", "?video=big", "?video=1x1", "?video=640", "?video=99999x9"]) {
    assert.deepEqual(readVideoSize(search), DEFAULT_SIZE, search);
  }
});

test("encodings go from the smallest picture to the full one, r0 to r2", () => {
  const encodings = simulcastEncodings(720);
  assert.deepEqual(
    encodings.map(({ rid, scaleResolutionDownBy }) => [rid, scaleResolutionDownBy]),
    [
      ["r0", 4],
      ["r1", 2],
      ["r2", 1],
    ],
  );
  assert.ok(encodings.every(({ scalabilityMode }) => scalabilityMode === "L1T3"));
});

test("a small capture is sent in two encodings, the second of them whole", () => {
  assert.deepEqual(
    simulcastEncodings(360).map(({ rid, scaleResolutionDownBy }) => [rid, scaleResolutionDownBy]),
    [
      ["r0", 2],
      ["r1", 1],
    ],
  );
});

test("a screen is sent at half and at full size, a small window only whole", () => {
  assert.deepEqual(
    screenEncodings({ height: 1080 }).map(({ rid, scaleResolutionDownBy }) => [rid, scaleResolutionDownBy]),
    [
      ["r0", 2],
      ["r1", 1],
    ],
  );
  for (const settings of [{ height: 300 }, {}]) {
    const [whole, ...others] = screenEncodings(settings);
    assert.equal(whole?.scaleResolutionDownBy, undefined);
    assert.deepEqual(others, []);
  }
});
