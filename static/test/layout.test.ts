import assert from "node:assert/strict";
import { test } from "node:test";

import { layoutGrid, tilesPerPage } from "../src/lib/layout.ts";

const STAGES = [
  [1400, 760],
  [1040, 760],
  [370, 700],
  [820, 360],
] as const;

test("tiles of 1 to 49 people never leave the stage and are neither slits nor ribbons", () => {
  for (const [width, height] of STAGES) {
    for (let count = 1; count <= 49; count++) {
      const grid = layoutGrid(count, width, height, 12);
      const where = `${count} tiles on ${width}x${height}`;
      assert.ok(grid.columns * grid.rows >= count, `${where}: too few cells`);
      assert.ok((grid.rows - 1) * grid.columns < count, `${where}: an empty row`);
      assert.ok(grid.columns * grid.width + (grid.columns - 1) * 12 <= width, `${where}: too wide`);
      assert.ok(grid.rows * grid.height + (grid.rows - 1) * 12 <= height, `${where}: too high`);
      const aspect = grid.width / grid.height;
      assert.ok(aspect > 0.74 && aspect < 1.82, `${where}: ${aspect}`);
    }
  }
});

test("two people sit side by side on a desk screen and one above the other on a phone", () => {
  assert.equal(layoutGrid(2, 1400, 760, 12).columns, 2);
  assert.equal(layoutGrid(2, 370, 700, 8).columns, 1);
});

test("a stage without room gives tiles without size, not negative ones", () => {
  assert.deepEqual(layoutGrid(3, 0, 0, 12), { columns: 1, rows: 3, width: 0, height: 0 });
});

test("a page holds as many tiles as can be told apart: more on a desk than on a phone, 49 at most", () => {
  assert.equal(tilesPerPage(80, 1900, 950, 12), 49);
  assert.equal(tilesPerPage(3, 370, 640, 8), 3);
  const onAPhone = tilesPerPage(49, 370, 640, 8);
  assert.ok(onAPhone >= 12 && onAPhone < 49, `${onAPhone}`);
  assert.equal(tilesPerPage(5, 50, 50, 8), 1);
});
