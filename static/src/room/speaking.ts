/** Who is speaking, read from the levels that the browser keeps for each audio receiver. Costs no traffic. */

import { Store } from "../lib/store.ts";
import type { RoomSession } from "./session.ts";

const EVERY_MS = 200;
/** Keeps the ring on between two words. */
const HOLD_MS = 900;
/** Linear level, 0 to 1; about -34 dBov. */
const LOUD = 0.02;

export class SpeakingWatch {
  readonly store = new Store<ReadonlySet<string>>(new Set());
  private readonly session: RoomSession;
  private readonly heardAt = new Map<string, number>();
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
    this.heardAt.clear();
    this.store.set(new Set());
  }

  private look(): void {
    const now = performance.now();
    for (const peer of this.session.store.get().peers) {
      for (const { kind, paused, consumerId } of peer.media) {
        if (kind !== "audio" || paused || !consumerId) continue;
        const receiver = this.session.links?.receiving?.receiverOf(consumerId);
        const level = receiver?.getSynchronizationSources()[0]?.audioLevel ?? 0;
        if (level > LOUD) this.heardAt.set(peer.id, now);
      }
    }
    const speaking = new Set<string>();
    for (const [peerId, at] of this.heardAt) if (now - at < HOLD_MS) speaking.add(peerId);
    const before = this.store.get();
    if (speaking.size !== before.size || [...speaking].some((id) => !before.has(id))) this.store.set(speaking);
  }
}
