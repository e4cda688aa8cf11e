/**
 * The person's own microphone and camera: what is wanted (`on`) and what there is (`track`).
 *
 * Muting keeps the microphone open, so that unmuting is instant. Turning the camera off stops its track,
 * so that the camera's light goes out. Whoever sends the tracks watches the store and follows it.
 */

import { Store } from "../lib/store.ts";
import type { VideoSize } from "../lib/video.ts";
import type { Kind } from "../signaling/messages.ts";
import { askFor, askForTrack, explain, unplugged, type MediaProblem } from "./devices.ts";

export interface DeviceState {
  on: boolean;
  track: MediaStreamTrack | null;
  /** The browser has been asked and has not answered. */
  pending: boolean;
  problem: MediaProblem | null;
}

export interface LocalMediaState {
  audio: DeviceState;
  video: DeviceState;
}

const OFF: DeviceState = { on: false, track: null, pending: false, problem: null };

export class LocalMedia {
  readonly store = new Store<LocalMediaState>({ audio: OFF, video: OFF });
  private readonly size: VideoSize;
  /** Counts acquisitions per kind, so that a late answer to an abandoned question is dropped. */
  private readonly turn: Record<Kind, number> = { audio: 0, video: 0 };

  constructor(size: VideoSize) {
    this.size = size;
  }

  /** Microphone and camera with one prompt; when that fails, each alone, so that one missing does not cost the other. */
  async start(): Promise<void> {
    const turns = { audio: ++this.turn.audio, video: ++this.turn.video };
    this.patch("audio", { on: true, pending: true, problem: null });
    this.patch("video", { on: true, pending: true, problem: null });
    try {
      const stream = await askFor(true, true, this.size);
      for (const track of stream.getTracks()) this.settle(track.kind as Kind, turns[track.kind as Kind], track);
    } catch {
      await Promise.all([this.acquire("audio", turns.audio), this.acquire("video", turns.video)]);
    }
  }

  async turnOn(kind: Kind): Promise<void> {
    const { track } = this.store.get()[kind];
    if (track?.readyState === "live") {
      track.enabled = true;
      this.patch(kind, { on: true, problem: null });
      return;
    }
    this.patch(kind, { on: true, pending: true, problem: null });
    await this.acquire(kind, ++this.turn[kind]);
  }

  turnOff(kind: Kind): void {
    const { track } = this.store.get()[kind];
    if (kind === "audio" && track?.readyState === "live") {
      track.enabled = false;
      this.patch(kind, { on: false });
      return;
    }
    this.turn[kind]++;
    track?.stop();
    this.patch(kind, { on: false, track: null, pending: false });
  }

  toggle(kind: Kind): void {
    if (this.store.get()[kind].on) this.turnOff(kind);
    else void this.turnOn(kind);
  }

  /** After stop(): opens again what was on. */
  restart(): void {
    for (const kind of ["audio", "video"] as const) if (this.store.get()[kind].on) void this.turnOn(kind);
  }

  /** Gives both devices back to the computer. */
  stop(): void {
    for (const kind of ["audio", "video"] as const) {
      this.turn[kind]++;
      this.store.get()[kind].track?.stop();
      this.patch(kind, { track: null, pending: false });
    }
  }

  private async acquire(kind: Kind, turn: number): Promise<void> {
    try {
      this.settle(kind, turn, await askForTrack(kind, this.size));
    } catch (error) {
      if (turn !== this.turn[kind]) return;
      this.patch(kind, { on: false, track: null, pending: false, problem: explain(error, kind) });
    }
  }

  private settle(kind: Kind, turn: number, track: MediaStreamTrack): void {
    if (turn !== this.turn[kind]) {
      track.stop();
      return;
    }
    if (kind === "video") track.contentHint = "motion";
    track.enabled = this.store.get()[kind].on;
    track.addEventListener("ended", () => {
      if (this.store.get()[kind].track !== track) return;
      this.patch(kind, { on: false, track: null, problem: unplugged(kind) });
    });
    this.patch(kind, { track, pending: false, problem: null });
  }

  private patch(kind: Kind, change: Partial<DeviceState>): void {
    this.store.update((state) => ({ ...state, [kind]: { ...state[kind], ...change } }));
  }
}
