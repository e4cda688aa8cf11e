import assert from "node:assert/strict";
import { test } from "node:test";

import {
  EMPTY_ROOM,
  handQueue,
  readTime,
  sourceOf,
  withConsumer,
  withMedia,
  withoutPeer,
  withoutProducer,
  withPeer,
  withProducer,
  withRoster,
  type RoomState,
} from "../src/room/state.ts";

const ana = { id: "p1", displayName: "Ana" };
const camera = { id: "v1", kind: "video", paused: false, appData: { source: "camera" } } as const;
const microphone = { id: "a1", kind: "audio", paused: true } as const;

const mediaOf = (state: RoomState, peerId: string) => state.peers.find((peer) => peer.id === peerId)?.media ?? [];

test("a peer announced twice is one peer, with the newer name", () => {
  const state = withPeer(withPeer(EMPTY_ROOM, ana), { id: "p1", displayName: "Ana B" });
  assert.deepEqual(
    state.peers.map((peer) => peer.displayName),
    ["Ana B"],
  );
});

test("a producer of somebody nobody announced makes a guest", () => {
  const state = withProducer(EMPTY_ROOM, "p9", microphone);
  assert.equal(state.peers[0]?.displayName, "Guest");
  assert.equal(mediaOf(state, "p9")[0]?.source, "microphone");
});

test("a screen is told from a camera by its appData", () => {
  const state = withProducer(EMPTY_ROOM, "p1", { ...camera, appData: { source: "screen" } });
  assert.equal(mediaOf(state, "p1")[0]?.source, "screen");
});

test("a producer announced again keeps the consumer it has", () => {
  let state = withProducer(withPeer(EMPTY_ROOM, ana), "p1", camera);
  state = withMedia(state, "v1", { consumerId: "c1" });
  state = withProducer(state, "p1", { ...camera, paused: true });
  assert.deepEqual(
    mediaOf(state, "p1").map(({ consumerId, paused }) => [consumerId, paused]),
    [["c1", true]],
  );
});

test("closing a producer and leaving take away exactly that", () => {
  let state = withProducer(withProducer(withPeer(EMPTY_ROOM, ana), "p1", camera), "p1", microphone);
  state = withoutProducer(state, "v1");
  assert.deepEqual(
    mediaOf(state, "p1").map(({ producerId }) => producerId),
    ["a1"],
  );
  assert.deepEqual(withoutPeer(state, "p1").peers, []);
});

test("a roster after a lost line drops who left, adds who came, and keeps living consumers", () => {
  let state = withProducer(withProducer(withPeer(EMPTY_ROOM, ana), "p1", camera), "p1", microphone);
  state = withMedia(withPeer(state, { id: "p2", displayName: "Ben" }), "v1", { consumerId: "c1" });
  state = withRoster(state, [
    { ...ana, producers: [{ ...camera, paused: true }] },
    { id: "p3", displayName: "Cy", producers: [] },
  ]);
  assert.deepEqual(
    state.peers.map((peer) => peer.id),
    ["p1", "p3"],
  );
  assert.deepEqual(
    mediaOf(state, "p1").map(({ producerId, consumerId, paused }) => [producerId, consumerId, paused]),
    [["v1", "c1", true]],
  );
});

test("times come as seconds, milliseconds or dates, and nonsense means now", () => {
  assert.equal(readTime(1_700_000_000, 5), 1_700_000_000_000);
  assert.equal(readTime(1_700_000_000_123, 5), 1_700_000_000_123);
  assert.equal(readTime("2023-11-14T22:13:20Z", 5), 1_700_000_000_000);
  assert.equal(readTime("soon", 5), 5);
  assert.equal(readTime(undefined, 5), 5);
});

test("the sound of a shared tab is told from a voice", () => {
  assert.equal(sourceOf("audio", { source: "screen-audio" }), "screen-audio");
  assert.equal(sourceOf("audio", { source: "microphone" }), "microphone");
  assert.equal(sourceOf("video", { source: "screen" }), "screen");
  assert.equal(sourceOf("video", { source: 7 }), "camera");
});

test("hands stand in the queue by the time they were raised, ours among them", () => {
  let state: RoomState = { ...EMPTY_ROOM, handRaisedAt: "2026-01-01T10:00:02Z" };
  state = withPeer(state, { ...ana, handRaisedAt: "2026-01-01T10:00:03Z" });
  state = withPeer(state, { id: "p2", displayName: "Ben", handRaisedAt: "2026-01-01T10:00:01Z" });
  state = withPeer(state, { id: "p3", displayName: "Cy" });
  assert.deepEqual([...handQueue(state, "me")], [["p2", 1], ["me", 2], ["p1", 3]]);
  assert.deepEqual([...handQueue(withPeer({ ...state, handRaisedAt: null }, ana), "me")], [["p2", 1]]);
});

test("what is said of a peer anew replaces its hand and its line", () => {
  let state = withPeer(EMPTY_ROOM, { ...ana, reconnecting: true });
  assert.equal(state.peers[0]?.reconnecting, true);
  state = withPeer(state, ana);
  assert.equal(state.peers[0]?.reconnecting, false);
});

test("what is said of a consumer reaches its stream, and an unknown one changes nothing", () => {
  const before = withMedia(withProducer(withPeer(EMPTY_ROOM, ana), "p1", camera), "v1", { consumerId: "c1" });
  const after = withConsumer(before, "c1", () => ({ layers: { spatialLayer: 1 } }));
  assert.deepEqual(mediaOf(after, "p1")[0]?.layers, { spatialLayer: 1 });
  assert.equal(withConsumer(before, "c9", () => ({ score: 3 })), before);
});
