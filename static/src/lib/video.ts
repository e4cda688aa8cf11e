/** The `?video=640x360` parameter and the simulcast ladder that goes with it. */

export interface VideoSize {
  width: number;
  height: number;
}

export interface SimulcastEncoding {
  rid: string;
  scaleResolutionDownBy: number;
  maxBitrate: number;
  scalabilityMode: string;
}

export const DEFAULT_SIZE: VideoSize = { width: 1280, height: 720 };
export const FRAME_RATE = 30;

export function readVideoSize(search: string): VideoSize {
  const match = /^(\d{2,4})x(\d{2,4})$/.exec(new URLSearchParams(search).get("video") ?? "");
  if (!match) return DEFAULT_SIZE;
  const size = { width: Number(match[1]), height: Number(match[2]) };
  return size.width >= 80 && size.height >= 60 ? size : DEFAULT_SIZE;
}

export const SCREEN_BITS_PER_SECOND = 2_500_000;

/** Below this a shared window would lose its full size: Chromium sends fewer encodings of small pictures, lowest first. */
const SCREEN_LAYERS_FROM_LINES = 480;

/**
 * Of a shared screen: half the size for small tiles and thin links, and the full one, lowest first. Text at a
 * quarter of the size is of no use to anybody.
 */
export function screenEncodings({ height = 0 }: { height?: number }): Partial<SimulcastEncoding>[] {
  if (height < SCREEN_LAYERS_FROM_LINES) return [{ maxBitrate: SCREEN_BITS_PER_SECOND }];
  return [
    { rid: "r0", scaleResolutionDownBy: 2, maxBitrate: 500_000, scalabilityMode: "L1T3" },
    { rid: "r1", scaleResolutionDownBy: 1, maxBitrate: SCREEN_BITS_PER_SECOND, scalabilityMode: "L1T3" },
  ];
}

/** Below this many lines Chromium sends the first two of three encodings only, which would lose the full size. */
export const THREE_LAYERS_FROM_LINES = 540;

/** Encodings up to full size, lowest first: the order in which a forwarder counts spatial layers. */
export function simulcastEncodings(lines: number): SimulcastEncoding[] {
  if (lines < THREE_LAYERS_FROM_LINES) {
    return [
      { rid: "r0", scaleResolutionDownBy: 2, maxBitrate: 150_000, scalabilityMode: "L1T3" },
      { rid: "r1", scaleResolutionDownBy: 1, maxBitrate: 600_000, scalabilityMode: "L1T3" },
    ];
  }
  return [
    { rid: "r0", scaleResolutionDownBy: 4, maxBitrate: 100_000, scalabilityMode: "L1T3" },
    { rid: "r1", scaleResolutionDownBy: 2, maxBitrate: 300_000, scalabilityMode: "L1T3" },
    { rid: "r2", scaleResolutionDownBy: 1, maxBitrate: 1_200_000, scalabilityMode: "L1T3" },
  ];
}
