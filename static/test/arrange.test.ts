import assert from "node:assert/strict";
import { test } from "node:test";

import { arrange, type Arrangement, type Box, type Wish } from "../src/lib/arrange.ts";
import { linkify } from "../src/lib/linkify.ts";
import { nextOrder } from "../src/lib/order.ts";
import { noteScore, qualityOf } from "../src/lib/quality.ts";

const STAGES = [
  [1240, 640],
  [1880, 900],
  [3800, 1980],
  [370, 640],
  [800, 300],
] as const;

const people = (count: number) => Array.from({ length: count }, (_, index) => `p${index}`);
const wish = (count: number, width: number, height: number, more: Partial<Wish> = {}): Wish => ({
  keys: people(count),
  featured: [],
  floating: null,
  gap: 10,
  page: 0,
  width,
  height,
  ...more,
});

function checkBoxes({ boxes }: Arrangement, width: number, height: number, what: string): void {
  const all = [...boxes.values()];
  for (const box of all) {
    assert.ok(box.width > 0 && box.height > 0, `${what}: a tile has a size`);
    assert.ok(box.left >= 0 && box.top >= 0, `${what}: ${JSON.stringify(box)} is on the stage`);
    assert.ok(box.left + box.width <= width && box.top + box.height <= height, `${what}: nothing sticks out`);
  }
  all.forEach((one, index) => all.slice(index + 1).forEach((two) => assert.ok(apart(one, two), `${what}: no overlap`)));
}

const apart = (a: Box, b: Box) =>
  a.left + a.width <= b.left || b.left + b.width <= a.left || a.top + a.height <= b.top || b.top + b.height <= a.top;

test("1 to 49 tiles are on the stage, apart from each other, on desks and phones", () => {
  for (const [width, height] of STAGES) {
    for (let count = 1; count <= 49; count++) {
      const grid = arrange(wish(count, width, height));
      checkBoxes(grid, width, height, `${count} on ${width}x${height}`);
      const strip = arrange(wish(count, width, height, { featured: ["p0"] }));
      checkBoxes(strip, width, height, `one large of ${count} on ${width}x${height}`);
      assert.ok(strip.boxes.has("p0"));
    }
  }
});

test("49 people fit one page of a desk, and two people use most of it", () => {
  assert.equal(arrange(wish(49, 1240, 640)).pages, 1);
  const two = [...arrange(wish(2, 1240, 640)).boxes.values()];
  const used = two.reduce((sum, { width, height }) => sum + width * height, 0);
  assert.ok(used > 0.9 * 1240 * 640, `${used}`);
});

test("pages together show everybody once, and a page that is not there is the last", () => {
  const seen: string[] = [];
  const { pages } = arrange(wish(60, 370, 640));
  assert.ok(pages > 1);
  for (let page = 0; page < pages; page++) seen.push(...arrange(wish(60, 370, 640, { page })).boxes.keys());
  assert.deepEqual(seen, people(60));
  assert.equal(arrange(wish(60, 370, 640, { page: 99 })).page, pages - 1);
});

test("the large one is larger than those in the strip, and several large ones are alike", () => {
  const { boxes } = arrange(wish(6, 1240, 640, { featured: ["p1", "p2"] }));
  const area = (key: string) => (boxes.get(key)?.width ?? 0) * (boxes.get(key)?.height ?? 0);
  assert.equal(area("p1"), area("p2"));
  assert.ok(area("p1") > 4 * area("p0"));
});

test("the floating tile lies in the corner of the stage", () => {
  for (const [width, height] of STAGES) {
    const box = arrange(wish(1, width, height, { floating: "you" })).boxes.get("you");
    assert.ok(box && box.left > width / 2 && box.left + box.width < width && box.top + box.height < height);
  }
});

test("people keep their places; whoever speaks from a later page changes places with one", () => {
  const order = nextOrder([], people(6), null, 4);
  assert.deepEqual(order, people(6));
  assert.equal(nextOrder(order, people(6), "p1", 4), order, "the same order is the same object");
  assert.deepEqual(nextOrder(order, people(6), "p5", 4), ["p0", "p1", "p2", "p5", "p4", "p3"]);
  assert.deepEqual(nextOrder(order, ["p2", "p9"], null, 4), ["p2", "p9"]);
});

test("addresses become links, and nothing else does", () => {
  assert.deepEqual(linkify("see https://example.org/a?b=c, ok"), [
    { text: "see " },
    { text: "https://example.org/a?b=c", href: "https://example.org/a?b=c" },
    { text: ", ok" },
  ]);
  assert.deepEqual(linkify("(http://example.org/(x))")[1]?.text, "http://example.org/(x)");
  for (const text of ["javascript:alert(1)", "https://", "data:text/html,x", "https://bank.example@evil.example/"]) {
    assert.ok(linkify(text).every(({ href }) => href === undefined), text);
  }
  assert.deepEqual(linkify(""), []);
  const hostile = linkify('https://example.org/"><img src=x onerror=alert(1)>');
  assert.deepEqual(hostile.map(({ text }) => text).join(""), 'https://example.org/"><img src=x onerror=alert(1)>');
  assert.equal(hostile[0]?.href, "https://example.org/");
});

test("the worst known stream decides the bars, and a stream that has not begun is unknown", () => {
  assert.equal(qualityOf([]), 0);
  assert.equal(qualityOf([null, 10]), 3);
  assert.equal(qualityOf([10, 6]), 2);
  assert.equal(qualityOf([10, 0]), 1);
  assert.equal(noteScore(null, 0), null);
  assert.equal(noteScore(7, 0), 0);
});
