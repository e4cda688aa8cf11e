import assert from "node:assert/strict";
import { test } from "node:test";

import { hueOf, HUES, initials } from "../src/lib/people.ts";
import { makeRoomName, readRoomName } from "../src/lib/roomName.ts";

const fillWith = (...numbers: number[]) => (into: Uint16Array) => into.set(numbers);

test("a new room is three words and four hex digits, taken from the random numbers alone", () => {
  assert.equal(makeRoomName(fillWith(0, 0, 0, 0x0a1)), "amber-atlas-call-00a1");
  for (const number of [1, 47, 48, 1000, 65535]) {
    const name = makeRoomName(fillWith(number, number, number, number));
    assert.match(name, /^[a-z]+-[a-z]+-[a-z]+-[0-9a-f]{4}$/);
    assert.equal(readRoomName(name), name);
  }
});

test("a pasted link is read down to its room", () => {
  assert.equal(readRoomName("https://call.example/room/calm-otter-loft-12ab?video=640x360"), "calm-otter-loft-12ab");
  assert.equal(readRoomName(" call.example/room/team%20talk "), "team-talk");
});

test("typed names lose what a link cannot carry well and keep letters of every language", () => {
  assert.equal(readRoomName("  Monday  Stand-up! "), "monday-stand-up");
  assert.equal(readRoomName("Übung/3"), "übung3");
  assert.equal(readRoomName("-- --"), "");
  assert.equal(readRoomName("a".repeat(200)).length, 64);
});

test("a broken percent sign in a link is kept as text instead of failing", () => {
  assert.equal(readRoomName("/room/50%-off"), "50-off");
});

test("initials are the first letters of the first and the last word", () => {
  assert.equal(initials("ada lovelace"), "AL");
  assert.equal(initials("Jean Luc de Groot"), "JG");
  assert.equal(initials("mei"), "M");
  assert.equal(initials("  "), "?");
  assert.equal(initials("😀 x"), "😀X");
});

test("a name has the same hue every time, within the eight", () => {
  for (const name of ["", "Ada", "李", "a much longer name"]) {
    assert.equal(hueOf(name), hueOf(name));
    assert.ok(hueOf(name) >= 0 && hueOf(name) < HUES);
  }
});
