/**
 * The `?codec=vp9&mode=L3T3_KEY` parameters: which video codec is sent, and in which layers.
 *
 * VP8 and H264 go as simulcast, as all browsers can; VP9 and AV1 in layers of one stream (SVC) unless
 * `mode=simulcast` asks otherwise.
 */

import { simulcastEncodings } from "./video.ts";

export const CODECS = ["VP8", "H264", "VP9", "AV1"] as const;
export type CodecName = (typeof CODECS)[number];

export interface CodecWish {
  /** Null leaves it to us. */
  codec: CodecName | null;
  /** A scalability mode such as `L3T3_KEY`, or `simulcast`; null for what the codec does best. */
  mode: string | null;
}

export interface Encoding {
  rid?: string;
  scaleResolutionDownBy?: number;
  maxBitrate?: number;
  scalabilityMode?: string;
}

/** What is sent of SVC when nothing was asked for. Chromium encodes both in real time on a laptop. */
const BEST_MODES: Partial<Record<CodecName, string>> = { VP9: "L3T3_KEY", AV1: "L2T3" };
const SVC_MAX_BITRATE = 1_200_000;

export function readCodecWish(search: string): CodecWish {
  const parameters = new URLSearchParams(search);
  const name = (parameters.get("codec") ?? "").toUpperCase();
  const mode = parameters.get("mode") ?? "";
  return {
    codec: CODECS.find((one) => one === name) ?? null,
    mode: /^(simulcast|[LS][1-3]T[1-3](_KEY)?)$/.test(mode) ? mode : null,
  };
}

/** The codecs to try, best first. */
export function codecOrder({ codec }: CodecWish): readonly CodecName[] {
  return codec ? [codec, ...CODECS.filter((one) => one !== codec)] : CODECS;
}

/** Encodings of a picture of so many lines, lowest first. */
export function videoEncodings(codec: CodecName, { mode }: CodecWish, lines: number): Encoding[] {
  const best = BEST_MODES[codec];
  if (mode === "simulcast" || (!best && !mode)) return simulcastEncodings(lines);
  return [{ scalabilityMode: mode ?? best, maxBitrate: SVC_MAX_BITRATE }];
}
