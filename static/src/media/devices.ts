/** Asking the browser for a microphone and a camera, and saying in plain words why it refused. */

import { t } from "../i18n/index.ts";
import { FRAME_RATE, type VideoSize } from "../lib/video.ts";
import type { Kind } from "../signaling/messages.ts";

export type ProblemCode = "insecure" | "denied" | "missing" | "busy" | "unplugged" | "other";

export interface MediaProblem {
  code: ProblemCode;
  title: string;
  advice: string;
}

/** What is wanted of the devices. An id that is not there any more counts as none. */
export interface Wish {
  size: VideoSize;
  microphone: string;
  camera: string;
  processing: Processing;
}

export interface Processing {
  noiseSuppression: boolean;
  echoCancellation: boolean;
  autoGainControl: boolean;
}

export async function askForTrack(kind: Kind, wish: Wish): Promise<MediaStreamTrack> {
  const stream = await askFor(kind === "audio", kind === "video", wish);
  const track = stream.getTracks()[0];
  if (!track) throw new DOMException("no track", "NotFoundError");
  return track;
}

/** Both in one question, so that the browser shows one prompt. */
export async function askFor(audio: boolean, video: boolean, wish: Wish): Promise<MediaStream> {
  const devices = mediaDevices();
  if (!devices) throw new DOMException("no media devices on this page", "SecurityError");
  try {
    return await devices.getUserMedia(constraints(audio, video, wish));
  } catch (error) {
    const chosen = (audio && wish.microphone) || (video && wish.camera);
    if (!chosen || !(error instanceof Error) || error.name !== "OverconstrainedError") throw error;
    return devices.getUserMedia(constraints(audio, video, { ...wish, microphone: "", camera: "" }));
  }
}

function constraints(audio: boolean, video: boolean, wish: Wish): MediaStreamConstraints {
  const exactly = (id: string) => (id ? { deviceId: { exact: id } } : {});
  return {
    audio: audio && { ...wish.processing, ...exactly(wish.microphone) },
    video: video && {
      width: { ideal: wish.size.width },
      height: { ideal: wish.size.height },
      frameRate: { ideal: FRAME_RATE },
      ...exactly(wish.camera),
    },
  };
}

export function explain(error: unknown, kind: Kind): MediaProblem {
  const words = t();
  if (!mediaDevices()) return { code: "insecure", title: words.insecureTitle, advice: words.insecureAdvice };
  switch (error instanceof Error ? error.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return { code: "denied", title: words.deniedTitle[kind], advice: words.deniedAdvice[kind] };
    case "NotFoundError":
    case "OverconstrainedError":
      return { code: "missing", title: words.missingTitle[kind], advice: words.missingAdvice[kind] };
    case "NotReadableError":
    case "AbortError":
      return { code: "busy", title: words.busyTitle[kind], advice: words.busyAdvice };
    default:
      return { code: "other", title: words.busyTitle[kind], advice: describe(error) };
  }
}

export function unplugged(kind: Kind): MediaProblem {
  return { code: "unplugged", title: t().unpluggedTitle[kind], advice: t().unpluggedAdvice };
}

export function mediaDevices(): MediaDevices | undefined {
  // Typed as always there, missing in fact on insecure pages.
  return (navigator as { mediaDevices?: MediaDevices }).mediaDevices;
}

function describe(error: unknown): string {
  return error instanceof Error && error.message ? error.message : t().noReason;
}
