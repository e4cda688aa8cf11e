/**
 * Where each tile of a call goes: a grid; or some tiles large with the others in a strip beside or below; or one
 * alone with a small one floating in its corner. Pure: keys and pixels in, boxes out.
 */

import { layoutGrid, tilesPerPage } from "./layout.ts";

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface Wish {
  /** All tiles but the floating one, in the order in which they are shown. */
  keys: readonly string[];
  /** Those of `keys` that are shown large; none makes a grid. */
  featured: readonly string[];
  /** A tile that lies over the others, in the corner. */
  floating: string | null;
  width: number;
  height: number;
  gap: number;
  page: number;
}

export interface Arrangement {
  /** The tiles that are on the screen. */
  boxes: ReadonlyMap<string, Box>;
  page: number;
  pages: number;
}

const STRIP_PART = 0.18;
const [STRIP_LEAST, STRIP_MOST] = [132, 320];
const [FLOAT_LEAST, FLOAT_MOST] = [108, 300];
const FLOAT_MARGIN = 14;

export function arrange(wish: Wish): Arrangement {
  const boxes = new Map<string, Box>();
  const large = wish.featured.filter((key) => wish.keys.includes(key));
  const rest = wish.keys.filter((key) => !large.includes(key));
  const stage: Box = { left: 0, top: 0, width: wish.width, height: wish.height };
  const paging = large.length > 0 ? withStrip(boxes, stage, large, rest, wish) : asGrid(boxes, stage, rest, wish);
  if (wish.floating !== null) boxes.set(wish.floating, corner(wish));
  return { boxes, ...paging };
}

/** The page that a wish for `page` ends on, and its part of the keys. */
export function pageOf<T>(all: readonly T[], perPage: number, page: number): { shown: T[]; page: number; pages: number } {
  const size = Math.max(1, perPage);
  const pages = Math.max(1, Math.ceil(all.length / size));
  const now = Math.min(Math.max(0, page), pages - 1);
  return { shown: all.slice(now * size, (now + 1) * size), page: now, pages };
}

function asGrid(boxes: Map<string, Box>, stage: Box, keys: readonly string[], wish: Wish) {
  const perPage = tilesPerPage(keys.length, stage.width, stage.height, wish.gap);
  const { shown, page, pages } = pageOf(keys, perPage, wish.page);
  // A last page with few tiles keeps the size of the others.
  fill(boxes, stage, shown, wish.gap, pages > 1 ? perPage : shown.length);
  return { page, pages };
}

function withStrip(
  boxes: Map<string, Box>,
  stage: Box,
  large: readonly string[],
  rest: readonly string[],
  { gap, page: wanted }: Wish,
) {
  if (rest.length === 0) {
    fill(boxes, stage, large, gap, large.length);
    return { page: 0, pages: 1 };
  }
  const beside = stage.width > stage.height * 1.1;
  const along = beside ? stage.height : stage.width;
  const part = clamp((beside ? stage.width : stage.height) * STRIP_PART, beside ? STRIP_LEAST : 84, STRIP_MOST);
  const thickness = Math.floor(part);
  const length = Math.floor(beside ? (thickness * 9) / 16 : (thickness * 4) / 3);
  const { shown, page, pages } = pageOf(rest, Math.floor((along + gap) / (length + gap)), wanted);
  const used = shown.length * (length + gap) - gap;
  const start = Math.floor((along - used) / 2);
  shown.forEach((key, index) => {
    const at = start + index * (length + gap);
    boxes.set(
      key,
      beside
        ? { left: stage.width - thickness, top: at, width: thickness, height: length }
        : { left: at, top: stage.height - thickness, width: length, height: thickness },
    );
  });
  const main = beside
    ? { ...stage, width: stage.width - thickness - gap }
    : { ...stage, height: stage.height - thickness - gap };
  fill(boxes, main, large, gap, large.length);
  return { page, pages };
}

/** Rows from the top left, each row in the middle; the whole in the middle of the area. One tile takes all of it. */
function fill(boxes: Map<string, Box>, area: Box, keys: readonly string[], gap: number, count: number): void {
  if (count === 1 && keys[0] !== undefined) {
    boxes.set(keys[0], area);
    return;
  }
  const { columns, rows, width, height } = layoutGrid(count, area.width, area.height, gap);
  const top = area.top + Math.floor((area.height - rows * height - (rows - 1) * gap) / 2);
  for (let row = 0; row < rows; row++) {
    const inRow = keys.slice(row * columns, (row + 1) * columns);
    const used = inRow.length * (width + gap) - gap;
    const left = area.left + Math.floor((area.width - used) / 2);
    inRow.forEach((key, index) => {
      boxes.set(key, { left: left + index * (width + gap), top: top + row * (height + gap), width, height });
    });
  }
}

function corner({ width, height }: Wish): Box {
  const tall = height > width;
  const own = Math.round(clamp(width * (tall ? 0.3 : 0.2), FLOAT_LEAST, FLOAT_MOST));
  const size = { width: own, height: Math.round(tall ? (own * 4) / 3 : (own * 9) / 16) };
  return { left: width - size.width - FLOAT_MARGIN, top: height - size.height - FLOAT_MARGIN, ...size };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
