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

/** Three encodings, quarter to full size, lowest first: the order in which a forwarder counts spatial layers. */
export function simulcastEncodings(): SimulcastEncoding[] {
  return [
    { rid: "r0", scaleResolutionDownBy: 4, maxBitrate: 100_000, scalabilityMode: "L1T3" },
    { rid: "r1", scaleResolutionDownBy: 2, maxBitrate: 300_000, scalabilityMode: "L1T3" },
    { rid: "r2", scaleResolutionDownBy: 1, maxBitrate: 1_200_000, scalabilityMode: "L1T3" },
  ];
}
