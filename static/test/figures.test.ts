import assert from "node:assert/strict";
import { test } from "node:test";

import { figuresOf, sparkline } from "../src/lib/figures.ts";

const codec = { type: "codec", id: "c1", mimeType: "video/VP8" };
const inbound = (bytes: number, packets: number, lost: number) => ({
  type: "inbound-rtp",
  codecId: "c1",
  bytesReceived: bytes,
  packetsReceived: packets,
  packetsLost: lost,
  jitter: 0.012,
  frameWidth: 640,
  frameHeight: 360,
  framesPerSecond: 19.7,
});

test("rates are of the time between two looks, and loss is of the packets that should have come", () => {
  const first = figuresOf([inbound(10_000, 100, 5), codec], 1_000, null);
  assert.equal(first?.figures.kbps, 0);
  const pair = { type: "candidate-pair", currentRoundTripTime: 0.0234 };
  const second = figuresOf([inbound(72_500, 190, 15), codec, pair], 2_000, first?.counters ?? null);
  assert.deepEqual(second?.figures, {
    width: 640,
    height: 360,
    framesPerSecond: 20,
    kbps: 500,
    loss: 10,
    jitterMs: 12,
    roundTripMs: 23,
    estimateKbps: null,
    codec: "VP8",
  });
});

test("what is sent is the sum of its layers, and its loss what the far end reports", () => {
  const layer = (bytesSent: number, height: number) => ({ type: "outbound-rtp", bytesSent, packetsSent: 10, frameHeight: height });
  const far = { type: "remote-inbound-rtp", packetsLost: 0, jitter: 0.003 };
  const first = figuresOf([layer(0, 90), layer(0, 180), far], 0, null);
  const second = figuresOf(
    [layer(1_000, 90), layer(4_000, 360), { ...far, packetsLost: 1 }].map((one) => ("packetsSent" in one ? { ...one, packetsSent: 15 } : one)),
    1_000,
    first?.counters ?? null,
  );
  assert.equal(second?.figures.kbps, 40);
  assert.equal(second?.figures.height, 360);
  assert.equal(second?.figures.loss, 10);
  assert.equal(second?.figures.jitterMs, 3);
});

test("a stream without statistics has no figures, and broken numbers count as nothing", () => {
  assert.equal(figuresOf([codec], 0, null), null);
  assert.equal(figuresOf([{ type: "inbound-rtp", bytesReceived: NaN }], 0, null)?.figures.kbps, 0);
});

test("a plot runs to the right edge and its highest value touches the top", () => {
  assert.equal(sparkline([0, 10, 5], 5, 40, 10), "M20.0 10.0L30.0 0.0L40.0 5.0");
  assert.equal(sparkline([3], 5, 40, 10), "");
});

test("what the link is believed to carry is said of what we send", () => {
  const pair = { type: "candidate-pair", availableOutgoingBitrate: 1_234_567 };
  assert.equal(figuresOf([{ type: "outbound-rtp", bytesSent: 1 }, pair], 1, null)?.figures.estimateKbps, 1235);
  assert.equal(figuresOf([inbound(1, 1, 0), pair], 1, null)?.figures.estimateKbps, null);
});
