/** How to divide a stage into equal tiles. Pure: pixels in, pixels out. */

export interface GridLayout {
  columns: number;
  rows: number;
  /** Tile size in CSS pixels, whole numbers. */
  width: number;
  height: number;
}

export const TILE_ASPECT = 16 / 9;

/** The number of columns that makes `count` tiles of `aspect` as large as the stage allows. */
export function layoutGrid(
  count: number,
  stageWidth: number,
  stageHeight: number,
  gap: number,
  aspect: number = TILE_ASPECT,
): GridLayout {
  let best: GridLayout = { columns: 1, rows: Math.max(1, count), width: 0, height: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const cellWidth = (stageWidth - gap * (columns - 1)) / columns;
    const cellHeight = (stageHeight - gap * (rows - 1)) / rows;
    const width = Math.floor(Math.min(cellWidth, cellHeight * aspect));
    const height = Math.floor(width / aspect);
    if (width > best.width) best = { columns, rows, width, height };
  }
  return best;
}
