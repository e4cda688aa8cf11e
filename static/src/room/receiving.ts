/** What we receive: one consumer for every producer of the others, all on one transport. */

import type { types } from "mediasoup-client";

import { Patience } from "../lib/patience.ts";
import { noteScore } from "../lib/quality.ts";
import type { Store } from "../lib/store.ts";
import { SignalingError, type SignalingClient } from "../signaling/client.ts";
import type { Kind } from "../signaling/messages.ts";
import { SizeTeller, type Sizes } from "./sizes.ts";
import { withMedia, withoutProducer, withProducer, type RoomState } from "./state.ts";

const LOOK_EVERY_MS = 1_000;

/** Producers whose picture is on the screen, with the size of its tile in CSS pixels; null: all, sizes unknown. */
export type Watched = Store<ReadonlyMap<string, { width: number; height: number }> | null>;

export interface Wanted {
  producerId: string;
  /** Absent when the server announces producers by id alone. */
  peerId?: string;
}

export interface ConsumerStats {
  consumerId: string;
  producerId: string;
  peerId: string | null;
  kind: Kind;
  stats: Record<string, unknown>[];
}

/** What is looked at in the browser's statistics. */
interface Report {
  trackIdentifier?: string;
  nackCount?: number;
  currentRoundTripTime?: number;
}

export class Receiving {
  private readonly signaling: SignalingClient;
  private readonly store: Store<RoomState>;
  private readonly device: types.Device;
  private readonly transport: types.Transport;
  private readonly watched: Watched;
  /** By producer id; null while the consumer is being made. */
  private readonly consumers = new Map<string, types.Consumer | null>();
  /** By the id of the peer that sends. */
  private readonly patience = new Map<string, Patience>();
  private readonly teller: SizeTeller;
  private readonly unwatch: (() => void)[];
  private readonly timer = setInterval(() => void this.waitForRepairs(), LOOK_EVERY_MS);

  constructor(
    signaling: SignalingClient,
    store: Store<RoomState>,
    device: types.Device,
    transport: types.Transport,
    watched: Watched,
    sizes: Sizes,
  ) {
    this.signaling = signaling;
    this.store = store;
    this.device = device;
    this.transport = transport;
    this.watched = watched;
    this.teller = new SizeTeller(signaling, sizes);
    this.unwatch = [watched.subscribe(() => this.fetchWhatIsWatched()), sizes.subscribe(() => this.tellSizes())];
  }

  /** Producers whose video is on its way to us. */
  get fetched(): string[] {
    const videos = [...this.consumers.values()].filter((consumer) => consumer?.kind === "video" && !consumer.paused);
    return videos.flatMap((consumer) => consumer?.producerId ?? []);
  }

  /** Starts consuming what is not consumed yet; mediasoup-client joins calls made together into one SDP round. */
  want(producers: readonly Wanted[]): void {
    for (const { producerId, peerId } of producers) {
      if (this.consumers.has(producerId)) continue;
      this.consumers.set(producerId, null);
      this.consume(producerId, peerId).catch((error: unknown) => this.giveUp(producerId, error));
    }
  }

  /**
   * After a lost line: drops what is gone, asks again for the resumes that may not have arrived, and closes
   * the consumers whose answer did not arrive.
   */
  resume(alive: ReadonlySet<string>, owned: readonly { id: string; producerId: string }[]): void {
    const known = new Set([...this.consumers.values()].map((consumer) => consumer?.id));
    for (const { id, producerId } of owned) {
      const inTheMaking = this.consumers.get(producerId) === null;
      if (!known.has(id) && !inTheMaking) this.signaling.tell("consumer-close", { serverConsumerId: id });
    }
    for (const [producerId, consumer] of [...this.consumers]) {
      if (!alive.has(producerId)) this.drop(producerId);
      else if (consumer) this.tellWhether(consumer);
    }
    this.teller.doubt();
    this.tellSizes();
  }

  /** The producer is gone. */
  drop(producerId: string): void {
    this.consumers.get(producerId)?.close();
    this.consumers.delete(producerId);
    this.store.update((state) => withoutProducer(state, producerId));
  }

  /** The server closed one consumer; its producer may live on, without us. */
  dropConsumer(consumerId: string): void {
    for (const [producerId, consumer] of this.consumers) if (consumer?.id === consumerId) this.drop(producerId);
  }

  receiverOf(consumerId: string): RTCRtpReceiver | undefined {
    for (const consumer of this.consumers.values()) if (consumer?.id === consumerId) return consumer.rtpReceiver;
    return undefined;
  }

  /** Asks for no more than these layers of one consumer. */
  prefer(consumerId: string, spatialLayer: number, temporalLayer?: number): void {
    this.signaling.tell("consumer-set-preferred-layers", {
      serverConsumerId: consumerId,
      spatialLayer,
      ...(temporalLayer === undefined ? {} : { temporalLayer }),
    });
  }

  async stats(): Promise<ConsumerStats[]> {
    const made = [...this.consumers.values()].filter((consumer) => consumer !== null);
    return Promise.all(
      made.map(async (consumer) => ({
        consumerId: consumer.id,
        producerId: consumer.producerId,
        peerId: this.ownerOf(consumer.producerId),
        kind: consumer.kind as Kind,
        stats: [...(await consumer.getStats()).values()] as Record<string, unknown>[],
      })),
    );
  }

  close(): void {
    for (const unwatch of this.unwatch) unwatch();
    clearInterval(this.timer);
    this.consumers.clear();
    this.transport.close();
  }

  private async consume(producerId: string, peerId: string | undefined): Promise<void> {
    const { params } = await this.signaling.request("consume", {
      rtpCapabilities: this.device.recvRtpCapabilities,
      remoteProducerId: producerId,
      serverConsumerTransportId: this.transport.id,
    });
    const { id, kind, rtpParameters, serverConsumerId, producerPaused, appData, score } = params;
    if (!this.consumers.has(producerId)) return;
    const consumer = await this.transport.consume({ id, producerId, kind, rtpParameters });
    if (!this.consumers.has(producerId)) {
      consumer.close();
      return;
    }
    // Before it is resumed: nobody shall have to send what this tile is too small for.
    this.teller.tell(consumer.id, producerId);
    if (this.isWatched(consumer)) this.signaling.tell("consumer-resume", { serverConsumerId: serverConsumerId ?? id });
    else consumer.pause();
    this.consumers.set(producerId, consumer);
    const stream = new MediaStream([consumer.track]);
    this.store.update((state) => {
      const owner = this.ownerOf(producerId);
      const paused = producerPaused ?? false;
      const next = owner
        ? state
        : withProducer(state, peerId ?? producerId, { id: producerId, kind, paused, appData });
      const change = producerPaused === undefined ? {} : { paused: producerPaused };
      const known = score ? { score: noteScore(null, Math.min(score.score, score.producerScore)) } : {};
      return withMedia(next, producerId, { ...change, ...known, consumerId: consumer.id, stream });
    });
  }

  /** Sound is always fetched; a picture while it is on the screen. */
  private isWatched(consumer: types.Consumer): boolean {
    const watched = this.watched.get();
    return consumer.kind === "audio" || watched === null || watched.has(consumer.producerId);
  }

  private fetchWhatIsWatched(): void {
    for (const consumer of this.consumers.values()) {
      if (!consumer || consumer.closed || this.isWatched(consumer) !== consumer.paused) continue;
      if (consumer.paused) consumer.resume();
      else consumer.pause();
      this.tellWhether(consumer);
    }
  }

  private tellSizes(): void {
    for (const [producerId, consumer] of this.consumers) if (consumer) this.teller.tell(consumer.id, producerId);
  }

  private tellWhether(consumer: types.Consumer): void {
    this.signaling.tell(consumer.paused ? "consumer-pause" : "consumer-resume", { serverConsumerId: consumer.id });
  }

  /** Keeps somebody's picture back while its packets have to be repaired, and the sound with it. */
  private async waitForRepairs(): Promise<void> {
    if (this.transport.closed || this.consumers.size === 0) return;
    const reports = [...(await this.transport.getStats()).values()] as Report[];
    const roundTripMs = 1000 * Math.max(0, ...reports.map((report) => report.currentRoundTripTime ?? 0));
    const asked = new Map(reports.map((report) => [report.trackIdentifier, report.nackCount ?? 0]));
    const bySender = new Map<string, types.Consumer[]>();
    for (const [producerId, consumer] of this.consumers) {
      const sender = this.ownerOf(producerId);
      if (consumer && sender !== null) bySender.set(sender, [...(bySender.get(sender) ?? []), consumer]);
    }
    for (const sender of this.patience.keys()) if (!bySender.has(sender)) this.patience.delete(sender);
    for (const [sender, consumers] of bySender) {
      const patience = this.patience.get(sender) ?? new Patience();
      this.patience.set(sender, patience);
      const repairs = consumers.reduce((sum, { track }) => sum + (asked.get(track.id) ?? 0), 0);
      const target = patience.note(repairs, roundTripMs);
      for (const { rtpReceiver } of consumers) {
        if (rtpReceiver && "jitterBufferTarget" in rtpReceiver && rtpReceiver.jitterBufferTarget !== target) {
          rtpReceiver.jitterBufferTarget = target;
        }
      }
    }
  }

  private giveUp(producerId: string, error: unknown): void {
    if (this.transport.closed || !this.consumers.has(producerId)) return;
    this.consumers.delete(producerId);
    const code = error instanceof SignalingError ? error.code : "";
    if (code === "not_found") this.store.update((state) => withoutProducer(state, producerId));
    else if (this.signaling.connected) console.warn(`consume ${producerId}:`, error);
  }

  private ownerOf(producerId: string): string | null {
    const owner = this.store.get().peers.find((peer) => peer.media.some((one) => one.producerId === producerId));
    return owner?.id ?? null;
  }
}
