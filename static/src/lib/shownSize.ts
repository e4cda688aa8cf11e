/** In how many physical pixels a picture is looked at, and when that is news to the server. */

export interface PixelSize {
  width: number;
  height: number;
}

/** Nobody looks at it. */
export const HIDDEN: PixelSize = { width: 0, height: 0 };

const MOST = 16_384;
const CHANGE = 0.1;

/** From CSS pixels. What is shown at all is at least one pixel. */
export function inPixels({ width, height }: PixelSize, ratio: number): PixelSize {
  const pixels = (length: number) => Math.min(MOST, Math.max(1, Math.round(length * ratio)));
  return width <= 0 || height <= 0 ? HIDDEN : { width: pixels(width), height: pixels(height) };
}

/** Whether it differs by more than a tenth from what was told; being hidden or not always counts. */
export function isNews(told: PixelSize | undefined, now: PixelSize): boolean {
  if (!told) return true;
  if (isHidden(told) || isHidden(now)) return isHidden(told) !== isHidden(now);
  const differs = (a: number, b: number) => Math.abs(a - b) > a * CHANGE;
  return differs(told.width, now.width) || differs(told.height, now.height);
}

/** The larger of two views of one picture. */
export function larger(a: PixelSize, b: PixelSize): PixelSize {
  return a.width * a.height >= b.width * b.height ? a : b;
}

function isHidden({ width, height }: PixelSize): boolean {
  return width === 0 || height === 0;
}
