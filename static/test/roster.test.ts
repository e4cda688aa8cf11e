import assert from "node:assert/strict";
import { test } from "node:test";

import { roster } from "../src/ui/roster.ts";
import type { TileContent } from "../src/ui/tiles.ts";

function tile(name: string, more: Partial<TileContent> = {}): TileContent {
  return {
    key: name,
    peerId: name,
    name,
    kind: "camera",
    local: false,
    stream: null,
    muted: false,
    cameraOff: false,
    voice: "silent",
    quality: 0,
    reconnecting: false,
    hand: 0,
    reactions: [],
    layers: null,
    producerId: null,
    starved: false,
    ...more,
  };
}

test("the list has ourselves first, then raised hands in their order, then everybody by name", () => {
  const tiles = [tile("Zoe"), tile("Bob", { hand: 2 }), tile("Ann"), tile("Yan", { hand: 1 }), tile("Me", { local: true, hand: 3 })];
  assert.deepEqual(
    roster(tiles).map(({ name }) => name),
    ["Me", "Yan", "Bob", "Ann", "Zoe"],
  );
});

test("somebody with two screens is one line that says so", () => {
  const tiles = [tile("s1", { peerId: "Ann", kind: "screen" }), tile("s2", { peerId: "Ann", kind: "screen" }), tile("Ann"), tile("Bob")];
  assert.deepEqual(
    roster(tiles).map(({ name, sharing }) => [name, sharing]),
    [
      ["Ann", true],
      ["Bob", false],
    ],
  );
});
