/**
 * The person's own microphone and camera: what is wanted (`on`) and what there is (`track`).
 *
 * Muting keeps the microphone open, so that unmuting is instant. Turning the camera off stops its track,
 * so that the camera's light goes out. Whoever sends the tracks watches the store and follows it.
 *
 * A device that goes away while it is on is replaced by another one if there is one; if not, it is `missed` and
 * taken up again as soon as one appears or is allowed.
 */

import { recall, remember } from "../lib/storage.ts";
import { Store } from "../lib/store.ts";
import type { VideoSize } from "../lib/video.ts";
import type { Kind } from "../signaling/messages.ts";
import { askFor, askForTrack, explain, unplugged, type MediaProblem, type Processing, type Wish } from "./devices.ts";
import { watchDevices, watchPermissions } from "./hotPlug.ts";

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
const CHOICE = { audio: "microphone", video: "camera" } as const;
const KINDS = ["audio", "video"] as const;
const PROCESSING = "processing-off";
/** Which of the two were off at the last join, by choice. */
const JOINED_WITHOUT = "joined-without";
const SWITCHES = ["noiseSuppression", "echoCancellation", "autoGainControl"] as const;

export class LocalMedia {
  readonly store = new Store<LocalMediaState>({ audio: OFF, video: OFF });
  readonly processing: Store<Processing>;
  private readonly size: VideoSize;
  /** Counts acquisitions per kind, so that a late answer to an abandoned question is dropped. */
  private readonly turn: Record<Kind, number> = { audio: 0, video: 0 };
  private readonly missed = new Set<Kind>();
  private stopWatching: (() => void) | null = null;

  constructor(size: VideoSize) {
    this.size = size;
    const off = recall(PROCESSING).split(" ");
    const [noiseSuppression, echoCancellation, autoGainControl] = SWITCHES.map((name) => !off.includes(name));
    this.processing = new Store<Processing>({
      noiseSuppression: noiseSuppression ?? true,
      echoCancellation: echoCancellation ?? true,
      autoGainControl: autoGainControl ?? true,
    });
  }

  /**
   * Microphone and camera with one prompt; when that fails, each alone, so that one missing does not cost the other.
   * What was off at the last join stays off, unopened.
   */
  async start(): Promise<void> {
    this.watch();
    const without = recall(JOINED_WITHOUT).split(" ");
    const wanted = KINDS.filter((kind) => !without.includes(kind));
    if (wanted.length < KINDS.length) {
      await Promise.all(wanted.map((kind) => this.turnOn(kind)));
      return;
    }
    const turns = { audio: ++this.turn.audio, video: ++this.turn.video };
    this.patch("audio", { on: true, pending: true, problem: null });
    this.patch("video", { on: true, pending: true, problem: null });
    try {
      const stream = await askFor(true, true, this.wish);
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
    this.missed.delete(kind);
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

  /** Changes to another device, now if it is in use, and for the next times. The empty id is the system's default. */
  /** For the next call. A device that did not start is not meant. */
  rememberSwitches(): void {
    const state = this.store.get();
    remember(JOINED_WITHOUT, KINDS.filter((kind) => !state[kind].on && !state[kind].problem).join(" "));
  }

  async choose(kind: Kind, deviceId: string): Promise<void> {
    remember(CHOICE[kind], deviceId);
    await this.renew(kind);
  }

  chosen(kind: Kind): string {
    return recall(CHOICE[kind]);
  }

  async setProcessing(change: Partial<Processing>): Promise<void> {
    this.processing.update((before) => ({ ...before, ...change }));
    const now = this.processing.get();
    remember(PROCESSING, SWITCHES.filter((name) => !now[name]).join(" "));
    await this.renew("audio");
  }

  /** After stop(): opens again what was on. */
  restart(): void {
    this.watch();
    for (const kind of KINDS) if (this.store.get()[kind].on) void this.turnOn(kind);
  }

  /** Gives both devices back to the computer. */
  stop(): void {
    this.stopWatching?.();
    this.stopWatching = null;
    this.missed.clear();
    for (const kind of KINDS) {
      this.turn[kind]++;
      this.store.get()[kind].track?.stop();
      this.patch(kind, { track: null, pending: false });
    }
  }

  private get wish(): Wish {
    const { size } = this;
    const processing = this.processing.get();
    return { size, processing, microphone: this.chosen("audio"), camera: this.chosen("video") };
  }

  private watch(): void {
    const retry = (kind: Kind) => {
      if (this.missed.has(kind) && !this.store.get()[kind].pending) void this.turnOn(kind);
    };
    this.stopWatching?.();
    const stops = [watchDevices(() => KINDS.forEach(retry)), watchPermissions(retry)];
    this.stopWatching = () => stops.forEach((stop) => stop());
  }

  /** Opens the device anew if it is open, muted or not. */
  private async renew(kind: Kind): Promise<void> {
    const { on, track } = this.store.get()[kind];
    if (!on && track?.readyState !== "live") return;
    await this.acquire(kind, ++this.turn[kind]);
  }

  private async acquire(kind: Kind, turn: number): Promise<void> {
    try {
      this.settle(kind, turn, await askForTrack(kind, this.wish));
    } catch (error) {
      if (turn !== this.turn[kind]) return;
      this.missed.add(kind);
      this.patch(kind, { on: false, track: null, pending: false, problem: explain(error, kind) });
    }
  }

  private settle(kind: Kind, turn: number, track: MediaStreamTrack): void {
    if (turn !== this.turn[kind]) {
      track.stop();
      return;
    }
    this.missed.delete(kind);
    if (kind === "video") track.contentHint = "motion";
    track.enabled = this.store.get()[kind].on;
    track.addEventListener("ended", () => void this.lost(kind, track));
    const before = this.store.get()[kind].track;
    this.patch(kind, { track, pending: false, problem: null });
    if (before !== track) before?.stop();
  }

  /** Unplugged, or taken back by the browser: another device takes over, if there is one. */
  private async lost(kind: Kind, track: MediaStreamTrack): Promise<void> {
    const { on, track: current } = this.store.get()[kind];
    if (current !== track) return;
    this.patch(kind, { track: null });
    if (!on) return;
    this.patch(kind, { pending: true });
    const turn = ++this.turn[kind];
    try {
      this.settle(kind, turn, await askForTrack(kind, { ...this.wish, microphone: "", camera: "" }));
    } catch {
      if (turn !== this.turn[kind]) return;
      this.missed.add(kind);
      this.patch(kind, { on: false, track: null, pending: false, problem: unplugged(kind) });
    }
  }

  private patch(kind: Kind, change: Partial<DeviceState>): void {
    this.store.update((state) => ({ ...state, [kind]: { ...state[kind], ...change } }));
  }
}
