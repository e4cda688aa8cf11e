/**
 * What we send: producers that follow the state of the devices and of the shared screen.
 *
 * Every change asks for the same thing ("make the producer look like its source"), one step at a time for each
 * source, so quick double presses and late permission prompts need no cases of their own. A muted microphone is
 * paused, and so is a camera that is off; the producer of a screen ends with the sharing.
 */

import type { types } from "mediasoup-client";

import { codecOrder, readCodecWish, videoEncodings, type CodecName, type CodecWish } from "../lib/codec.ts";
import { DEFAULT_SIZE, screenEncodings, SCREEN_BITS_PER_SECOND } from "../lib/video.ts";
import type { LocalMedia } from "../media/localMedia.ts";
import type { ScreenShare } from "../media/screenShare.ts";
import type { SignalingClient } from "../signaling/client.ts";
import type { Kind, MediaSource } from "../signaling/messages.ts";
import { activeEncodings, WantedEncodings } from "./wanted.ts";

const SOURCES = ["microphone", "camera", "screen", "screen-audio"] as const;

export interface ProducerStats {
  source: MediaSource;
  stats: Record<string, unknown>[];
}

export class Sending {
  private readonly signaling: SignalingClient;
  private readonly media: LocalMedia;
  private readonly screen: ScreenShare;
  private readonly device: types.Device;
  private readonly transport: types.Transport;
  private readonly mayPublish: boolean;
  private readonly producers: Partial<Record<MediaSource, types.Producer>> = {};
  private readonly steps: Partial<Record<MediaSource, Promise<void>>> = {};
  private readonly encodings = new WantedEncodings();
  private readonly unsubscribes: (() => void)[];

  constructor(
    signaling: SignalingClient,
    media: LocalMedia,
    screen: ScreenShare,
    device: types.Device,
    transport: types.Transport,
    mayPublish = true,
  ) {
    this.signaling = signaling;
    this.media = media;
    this.screen = screen;
    this.device = device;
    this.transport = transport;
    this.mayPublish = mayPublish;
    this.unsubscribes = [media.store, screen.store].map((store) => store.subscribe(() => this.follow()));
    this.follow();
  }

  /** Ids of the producers, for the curious. */
  get ids(): Partial<Record<Kind | "screen" | "screen-audio", string>> {
    const { microphone, camera, screen } = this.producers;
    return { audio: microphone?.id, video: camera?.id, screen: screen?.id, "screen-audio": this.producers["screen-audio"]?.id };
  }

  async stats(): Promise<ProducerStats[]> {
    const made = SOURCES.flatMap((source) => {
      const producer = this.producers[source];
      return producer && !producer.closed ? [{ source, producer }] : [];
    });
    return Promise.all(
      made.map(async ({ source, producer }) => ({
        source,
        stats: [...(await producer.getStats()).values()] as Record<string, unknown>[],
      })),
    );
  }

  /** A moderator paused a producer: its device follows, so that the button shows it. */
  muted(producerId: string): void {
    if (this.producers.microphone?.id === producerId) this.media.turnOff("audio");
    if (this.producers.camera?.id === producerId) this.media.turnOff("video");
  }

  /** Somebody wants these encodings of one producer, lowest first, and nobody the others. */
  want(producerId: string, encodings: readonly boolean[]): void {
    this.encodings.note(producerId, encodings);
    this.follow();
  }

  /** By source: which encodings the server wants (null: it has not said) and which the browser sends. */
  get wantedEncodings(): Partial<Record<MediaSource, { wanted: readonly boolean[] | null; active: boolean[] }>> {
    return Object.fromEntries(
      Object.entries(this.producers).flatMap(([source, producer]) =>
        producer.closed || producer.kind !== "video"
          ? []
          : [[source, { wanted: this.encodings.of(producer.id), active: activeEncodings(producer) }]],
      ),
    );
  }

  /**
   * After a lost line: closes the producers whose answer did not arrive (nothing will ever come from them,
   * and they stand in the way of a second try), says again what may not have arrived, then catches up.
   */
  resume(owned: readonly { id: string }[]): void {
    const known = new Set(Object.values(this.producers).map((producer) => producer.id));
    for (const { id } of owned) if (!known.has(id)) this.signaling.tell("producer-close", { producerId: id });
    for (const producer of Object.values(this.producers)) {
      this.signaling.tell(producer.paused ? "producer-pause" : "producer-resume", { producerId: producer.id });
    }
    this.follow();
  }

  close(): void {
    for (const unsubscribe of this.unsubscribes) unsubscribe();
    this.transport.close();
  }

  private follow(): void {
    for (const source of SOURCES) {
      this.steps[source] = (this.steps[source] ?? Promise.resolve())
        .then(() => this.settle(source))
        .catch((error: unknown) => {
          // When the line went down, resume() tries again.
          if (!this.transport.closed && this.signaling.connected) console.warn(`sending ${source}:`, error);
        });
    }
  }

  private async settle(source: MediaSource): Promise<void> {
    if (this.transport.closed || !this.mayPublish) return;
    const { on, track } = this.wanted(source);
    const producer = this.producers[source];
    if (on && track && track.readyState === "live") {
      if (!producer) await this.produce(source, track);
      else await this.unpause(producer, track);
    } else if (producer && !producer.closed) {
      if (source === "screen" || source === "screen-audio") this.end(source, producer);
      else await this.pause(producer, track);
    }
    const made = this.producers[source];
    if (made) await this.encodings.apply(made);
  }

  private wanted(source: MediaSource): { on: boolean; track: MediaStreamTrack | null } {
    if (source === "microphone") return this.media.store.get().audio;
    if (source === "camera") return this.media.store.get().video;
    const { video, audio } = this.screen.store.get();
    const track = source === "screen" ? video : audio;
    return { on: track !== null, track };
  }

  private async produce(source: MediaSource, track: MediaStreamTrack): Promise<void> {
    if (!this.device.canProduce(track.kind as Kind) || !this.signaling.connected) return;
    this.producers[source] = await this.transport.produce(optionsOf(source, track, this.device));
  }

  private async unpause(producer: types.Producer, track: MediaStreamTrack): Promise<void> {
    if (producer.track !== track) await producer.replaceTrack({ track });
    if (!producer.paused) return;
    producer.resume();
    this.signaling.tell("producer-resume", { producerId: producer.id });
  }

  private async pause(producer: types.Producer, track: MediaStreamTrack | null): Promise<void> {
    if (!producer.paused) {
      producer.pause();
      this.signaling.tell("producer-pause", { producerId: producer.id });
    }
    if (!track && producer.track) await producer.replaceTrack({ track: null });
  }

  private end(source: MediaSource, producer: types.Producer): void {
    delete this.producers[source];
    this.encodings.forget(producer.id);
    producer.close();
    this.signaling.tell("producer-close", { producerId: producer.id });
  }
}

/** The tracks stay ours (`stopTracks: false`): they outlive a rebuilt transport. */
function optionsOf(source: MediaSource, track: MediaStreamTrack, device: types.Device): types.ProducerOptions {
  const common = { track, stopTracks: false, appData: { source } };
  const wish = readCodecWish(location.search);
  switch (source) {
    case "microphone":
      return { ...common, codecOptions: { opusDtx: true, opusFec: true } };
    case "screen-audio":
      // Music and films, not speech: both channels, and no gaps in what is quiet.
      return { ...common, codecOptions: { opusStereo: true, opusDtx: false, opusFec: true } };
    case "screen": {
      // VP8 and H264 in every browser; what a `codec` parameter asks for is sent in one piece.
      const codec = codecFor(device, wish);
      const layered = codec?.name === "VP8" || codec?.name === "H264";
      return {
        ...common,
        codec: codec?.capability,
        encodings: layered ? screenEncodings(track.getSettings()) : [{ maxBitrate: SCREEN_BITS_PER_SECOND }],
        codecOptions: { videoGoogleStartBitrate: 1000 },
      };
    }
    case "camera": {
      const codec = codecFor(device, wish);
      return {
        ...common,
        codec: codec?.capability,
        encodings: codec && videoEncodings(codec.name, wish, track.getSettings().height ?? DEFAULT_SIZE.height),
        codecOptions: { videoGoogleStartBitrate: 1000 },
      };
    }
  }
}

function codecFor(
  device: types.Device,
  wish: CodecWish,
): { name: CodecName; capability: types.RtpCodecCapability } | undefined {
  const capabilities = device.sendRtpCapabilities.codecs ?? [];
  for (const name of codecOrder(wish)) {
    const capability = capabilities.find((one) => one.mimeType.toLowerCase() === `video/${name.toLowerCase()}`);
    if (capability) return { name, capability };
  }
  return undefined;
}
