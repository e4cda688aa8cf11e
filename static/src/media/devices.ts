/** Asking the browser for a microphone and a camera, and saying in plain words why it refused. */

import { FRAME_RATE, type VideoSize } from "../lib/video.ts";
import type { Kind } from "../signaling/messages.ts";

export type ProblemCode = "insecure" | "denied" | "missing" | "busy" | "unplugged" | "other";

export interface MediaProblem {
  code: ProblemCode;
  title: string;
  advice: string;
}

export async function askForTrack(kind: Kind, size: VideoSize): Promise<MediaStreamTrack> {
  const stream = await askFor(kind === "audio", kind === "video", size);
  const track = stream.getTracks()[0];
  if (!track) throw new DOMException("no track", "NotFoundError");
  return track;
}

/** Both in one question, so that the browser shows one prompt. */
export async function askFor(audio: boolean, video: boolean, size: VideoSize): Promise<MediaStream> {
  const devices = mediaDevices();
  if (!devices) throw new DOMException("no media devices on this page", "SecurityError");
  return devices.getUserMedia({
    audio: audio && { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    video: video && {
      width: { ideal: size.width },
      height: { ideal: size.height },
      frameRate: { ideal: FRAME_RATE },
    },
  });
}

export function explain(error: unknown, kind: Kind): MediaProblem {
  const device = kind === "audio" ? "microphone" : "camera";
  const Device = kind === "audio" ? "Microphone" : "Camera";
  if (!mediaDevices()) {
    return {
      code: "insecure",
      title: "This page is not secure",
      advice: "Browsers hand out microphone and camera over https only. Open this page with https:// or on localhost.",
    };
  }
  switch (error instanceof Error ? error.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return {
        code: "denied",
        title: `${Device} access is blocked`,
        advice: `Allow the ${device} for this site in the address bar, then try again.`,
      };
    case "NotFoundError":
    case "OverconstrainedError":
      return {
        code: "missing",
        title: `No ${device} found`,
        advice: `Plug a ${device} in and try again.`,
      };
    case "NotReadableError":
    case "AbortError":
      return {
        code: "busy",
        title: `The ${device} did not start`,
        advice: "Another program may be using it. Close that program and try again.",
      };
    default:
      return { code: "other", title: `The ${device} did not start`, advice: describe(error) };
  }
}

export function unplugged(kind: Kind): MediaProblem {
  const device = kind === "audio" ? "microphone" : "camera";
  return {
    code: "unplugged",
    title: `The ${device} went away`,
    advice: "It was unplugged or taken back. Turn it on again to reconnect.",
  };
}

function mediaDevices(): MediaDevices | undefined {
  // Typed as always there, missing in fact on insecure pages.
  return (navigator as { mediaDevices?: MediaDevices }).mediaDevices;
}

function describe(error: unknown): string {
  return error instanceof Error && error.message ? error.message : "The browser gave no reason.";
}
