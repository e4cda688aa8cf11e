/** Figures for the tiles that ask for them, once a second, and nothing while no tile does. */

import { figuresOf, type Counters, type Figures, type Report } from "../lib/figures.ts";
import { Store } from "../lib/store.ts";
import type { RoomSession } from "./session.ts";

export const HISTORY = 40;
const EVERY_MS = 1_000;
/** As the tiles are called in ui/tiles.ts. */
const [OWN, OWN_SCREEN] = ["you", "your-screen"];

export interface TileFigures {
  video: Figures | null;
  audio: Figures | null;
  /** The last values, oldest first. */
  kbps: readonly number[];
  frames: readonly number[];
  loss: readonly number[];
  /** Kilobits a second that the link on this side is believed to carry: the server's belief of what we receive. */
  estimate: readonly number[];
}

const EMPTY: TileFigures = { video: null, audio: null, kbps: [], frames: [], loss: [], estimate: [] };

export class Statistics {
  /** By tile key: a peer's id for its camera, a producer's id for a screen, `you`, `your-screen`. */
  readonly store = new Store<ReadonlyMap<string, TileFigures>>(new Map());
  private readonly session: RoomSession;
  private readonly counters = new Map<string, Counters>();
  private readers = 0;
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(session: RoomSession) {
    this.session = session;
  }

  /** Somebody looks; the returned function says that they stopped. */
  read(): () => void {
    if (this.readers++ === 0) {
      this.timer = setInterval(() => void this.look(), EVERY_MS);
      void this.look();
    }
    return () => {
      if (--this.readers > 0) return;
      clearInterval(this.timer);
      this.counters.clear();
      this.store.set(new Map());
    };
  }

  private async look(): Promise<void> {
    const { links } = this.session;
    const [received, sent] = await Promise.all([links?.receiving?.stats() ?? [], links?.sending?.stats() ?? []]);
    if (this.readers === 0) return;
    const now = performance.now();
    const tiles = new Map<string, { video: Figures | null; audio: Figures | null }>();
    const note = (key: string, kind: "video" | "audio", id: string, reports: readonly Report[]) => {
      const found = figuresOf(reports, now, this.counters.get(id) ?? null);
      if (!found) return;
      this.counters.set(id, found.counters);
      tiles.set(key, { video: null, audio: null, ...tiles.get(key), [kind]: found.figures });
    };
    const screens = new Set(
      this.session.store.get().peers.flatMap((peer) => peer.media.filter((one) => one.source === "screen")).map(
        (media) => media.producerId,
      ),
    );
    for (const { producerId, peerId, kind, stats } of received) {
      const key = screens.has(producerId) ? producerId : peerId;
      if (key !== null) note(key, kind, producerId, stats);
    }
    for (const { source, stats } of sent) {
      const screen = source === "screen" || source === "screen-audio";
      const kind = source === "camera" || source === "screen" ? "video" : "audio";
      note(screen ? OWN_SCREEN : OWN, kind, source, stats);
    }
    const { availableBitrate } = this.session.downlink.store.get();
    const before = this.store.get();
    this.store.set(
      new Map(
        [...tiles].map(([key, { video, audio }]) => {
          const past = before.get(key) ?? EMPTY;
          const main = video ?? audio;
          const own = key === OWN || key === OWN_SCREEN;
          const estimate = own ? main?.estimateKbps : Math.round(availableBitrate / 1000) || null;
          return [
            key,
            {
              video,
              audio,
              kbps: push(past.kbps, (video?.kbps ?? 0) + (audio?.kbps ?? 0)),
              frames: push(past.frames, video?.framesPerSecond ?? 0),
              loss: push(past.loss, main?.loss ?? 0),
              estimate: estimate == null ? past.estimate : push(past.estimate, estimate),
            },
          ];
        }),
      ),
    );
  }
}

function push(values: readonly number[], value: number): readonly number[] {
  return [...values.slice(1 - HISTORY), value];
}
