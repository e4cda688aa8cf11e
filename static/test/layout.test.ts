import assert from "node:assert/strict";
import { test } from "node:test";

import { layoutGrid, TILE_ASPECT } from "../src/lib/layout.ts";

const STAGES = [
  [1400, 760],
  [1040, 760],
  [370, 700],
  [820, 360],
] as const;

test("tiles of 1 to 12 people never leave the stage and keep 16:9", () => {
  for (const [width, height] of STAGES) {
    for (let count = 1; count <= 12; count++) {
      const grid = layoutGrid(count, width, height, 12);
      const where = `${count} tiles on ${width}x${height}`;
      assert.ok(grid.columns * grid.rows >= count, `${where}: too few cells`);
      assert.ok((grid.rows - 1) * grid.columns < count, `${where}: an empty row`);
      assert.ok(grid.columns * grid.width + (grid.columns - 1) * 12 <= width, `${where}: too wide`);
      assert.ok(grid.rows * grid.height + (grid.rows - 1) * 12 <= height, `${where}: too high`);
      assert.ok(Math.abs(grid.width - grid.height * TILE_ASPECT) < 2, `${where}: wrong shape`);
    }
  }
});

test("no other number of columns gives larger tiles", () => {
  for (const [width, height] of STAGES) {
    for (let count = 1; count <= 12; count++) {
      const best = layoutGrid(count, width, height, 12).width;
      for (let columns = 1; columns <= count; columns++) {
        const rows = Math.ceil(count / columns);
        const fits = Math.min(
          (width - 12 * (columns - 1)) / columns,
          ((height - 12 * (rows - 1)) / rows) * TILE_ASPECT,
        );
        assert.ok(best >= Math.floor(fits), `${count} tiles on ${width}x${height}: ${columns} columns are better`);
      }
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
