/** What a moderator does to others and to the room. A refusal is shown, and changes nothing. */

import { t } from "../i18n/index.ts";
import type { SignalingClient } from "../signaling/client.ts";
import type { RoomSession } from "./session.ts";

export class Moderation {
  private readonly signaling: SignalingClient;
  private readonly session: RoomSession;

  constructor(signaling: SignalingClient, session: RoomSession) {
    this.signaling = signaling;
    this.session = session;
  }

  toggleLock(): void {
    this.tried(this.signaling.request("room-lock", { locked: !this.session.store.get().locked }));
  }

  /** Mutes all microphones of a person; they can go on when they like. */
  mute(peerId: string): void {
    const peer = this.session.store.get().peers.find(({ id }) => id === peerId);
    for (const { source, producerId, paused } of peer?.media ?? []) {
      if (source === "microphone" && !paused) this.tried(this.signaling.request("peer-mute", { producerId }));
    }
  }

  muteAll(): void {
    for (const { id } of this.session.store.get().peers) this.mute(id);
  }

  remove(peerId: string): void {
    this.tried(this.signaling.request("peer-remove", { peerId }));
  }

  private tried(asked: Promise<unknown>): void {
    asked.catch((error: unknown) => {
      this.session.notify(t().notSent(error instanceof Error ? error.message : t().tryAgain), "bad");
    });
  }
}
