/**
 * Who is speaking, as the server says it. For a server that says nothing the levels stand in that the browser keeps
 * for each audio receiver; each look at one of them waits for a thread of the browser, so nobody looks otherwise.
 */

import { Store } from "../lib/store.ts";
import type { AudioLevel } from "../signaling/messages.ts";
import type { RoomSession } from "./session.ts";

const EVERY_MS = 200;
/** Keeps the ring on between two words. */
const HOLD_MS = 900;
/** Linear level, 0 to 1; about -34 dBov. */
const LOUD = 0.02;
/** dBov; the server's levels are averages, pauses included. */
const HEARD = -60;

export interface Speaking {
  /** Peers that are heard right now. */
  voices: ReadonlySet<string>;
  /** Whose turn it is, even while they pause; null: nobody's, or unknown. */
  active: string | null;
}

const SILENCE: Speaking = { voices: new Set(), active: null };

export class SpeakingWatch {
  readonly store = new Store<Speaking>(SILENCE);
  private readonly session: RoomSession;
  private readonly heardAt = new Map<string, number>();
  /** Whether the server says who is heard. */
  private told = false;
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(session: RoomSession) {
    this.session = session;
  }

  start(): void {
    this.stop();
    this.timer = setInterval(() => this.look(), EVERY_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    this.told = false;
    this.heardAt.clear();
    this.store.set(SILENCE);
  }

  /** The server says whose turn it is. */
  turnOf(peerId: string | null): void {
    this.store.update((state) => ({ ...state, active: peerId }));
  }

  /** The server says who was heard just now. */
  heard(levels: readonly AudioLevel[]): void {
    const now = performance.now();
    this.told = true;
    for (const { peerId, level } of levels) if (level >= HEARD) this.heardAt.set(peerId, now);
  }

  private look(): void {
    const now = performance.now();
    for (const peer of this.told ? [] : this.session.store.get().peers) {
      for (const { kind, paused, consumerId } of peer.media) {
        if (kind !== "audio" || paused || !consumerId) continue;
        const receiver = this.session.links?.receiving?.receiverOf(consumerId);
        const level = receiver?.getSynchronizationSources()[0]?.audioLevel ?? 0;
        if (level > LOUD) this.heardAt.set(peer.id, now);
      }
    }
    const voices = new Set<string>();
    for (const [peerId, at] of this.heardAt) if (now - at < HOLD_MS) voices.add(peerId);
    const before = this.store.get().voices;
    if (voices.size !== before.size || [...voices].some((id) => !before.has(id))) {
      this.store.update((state) => ({ ...state, voices }));
    }
  }
}
