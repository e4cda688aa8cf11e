/** How to divide a stage into equal tiles. Pure: pixels in, pixels out. */

export interface GridLayout {
  columns: number;
  rows: number;
  /** Tile size in CSS pixels, whole numbers. */
  width: number;
  height: number;
}

/** Width by height of the narrowest and the widest tile; a camera's picture is cut to fit between. */
export interface AspectRange {
  narrowest: number;
  widest: number;
}

export const WIDE: AspectRange = { narrowest: 1, widest: 16 / 9 };
export const TALL: AspectRange = { narrowest: 3 / 4, widest: 16 / 9 };
export const MOST_TILES = 49;

/** The number of columns that makes `count` tiles as large as the stage allows. */
export function layoutGrid(
  count: number,
  stageWidth: number,
  stageHeight: number,
  gap: number,
  aspects: AspectRange = stageWidth >= stageHeight ? WIDE : TALL,
): GridLayout {
  let best: GridLayout = { columns: 1, rows: Math.max(1, count), width: 0, height: 0 };
  let most = 0;
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const cellWidth = (stageWidth - gap * (columns - 1)) / columns;
    const cellHeight = (stageHeight - gap * (rows - 1)) / rows;
    if (cellWidth <= 0 || cellHeight <= 0) continue;
    const width = Math.floor(Math.min(cellWidth, cellHeight * aspects.widest));
    const height = Math.floor(Math.min(cellHeight, width / aspects.narrowest));
    // Larger is better, but not by cutting much of the picture off.
    const worth = width * height * Math.sqrt(width / Math.max(1, height * aspects.widest));
    if (worth > most) {
      most = worth;
      best = { columns, rows, width, height };
    }
  }
  return best;
}

/** How many of `count` tiles a page holds, when none may be smaller than a face can be told in. */
export function tilesPerPage(count: number, stageWidth: number, stageHeight: number, gap: number): number {
  const small = stageWidth < 600;
  const [leastWidth, leastHeight] = small ? [104, 96] : [120, 72];
  for (let tiles = Math.min(count, MOST_TILES); tiles > 1; tiles--) {
    const { width, height } = layoutGrid(tiles, stageWidth, stageHeight, gap);
    if (width >= leastWidth && height >= leastHeight) return tiles;
  }
  return 1;
}
