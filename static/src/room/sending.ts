/**
 * What we send: one audio and one video producer that follow the state of LocalMedia.
 *
 * Every change asks for the same thing ("make the producer look like the device"), one step at a time for
 * each kind, so quick double presses and late permission prompts need no cases of their own.
 */

import type { types } from "mediasoup-client";

import { codecOrder, readCodecWish, videoEncodings, type CodecName } from "../lib/codec.ts";
import { DEFAULT_SIZE } from "../lib/video.ts";
import type { LocalMedia } from "../media/localMedia.ts";
import type { SignalingClient } from "../signaling/client.ts";
import type { Kind } from "../signaling/messages.ts";

export class Sending {
  private readonly signaling: SignalingClient;
  private readonly media: LocalMedia;
  private readonly device: types.Device;
  private readonly transport: types.Transport;
  private readonly producers: Partial<Record<Kind, types.Producer>> = {};
  private readonly steps: Record<Kind, Promise<void>> = {
    audio: Promise.resolve(),
    video: Promise.resolve(),
  };
  private readonly unsubscribe: () => void;

  constructor(signaling: SignalingClient, media: LocalMedia, device: types.Device, transport: types.Transport) {
    this.signaling = signaling;
    this.media = media;
    this.device = device;
    this.transport = transport;
    this.unsubscribe = media.store.subscribe(() => this.follow());
    this.follow();
  }

  /** Ids of the producers, for the curious. */
  get ids(): Partial<Record<Kind, string>> {
    return { audio: this.producers.audio?.id, video: this.producers.video?.id };
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
    this.unsubscribe();
    this.transport.close();
  }

  private follow(): void {
    for (const kind of ["audio", "video"] as const) {
      this.steps[kind] = this.steps[kind]
        .then(() => this.settle(kind))
        .catch((error: unknown) => {
          // When the line went down, resume() tries again.
          if (!this.transport.closed && this.signaling.connected) console.warn(`sending ${kind}:`, error);
        });
    }
  }

  private async settle(kind: Kind): Promise<void> {
    if (this.transport.closed) return;
    const { on, track } = this.media.store.get()[kind];
    const producer = this.producers[kind];
    if (on && track && track.readyState === "live") {
      if (!producer) await this.produce(kind, track);
      else await this.unpause(producer, track);
    } else if (producer && !producer.closed) {
      await this.pause(producer, track);
    }
  }

  private async produce(kind: Kind, track: MediaStreamTrack): Promise<void> {
    if (!this.device.canProduce(kind) || !this.signaling.connected) return;
    const options = kind === "audio" ? audioOptions(track) : videoOptions(track, this.device);
    this.producers[kind] = await this.transport.produce(options);
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
}

/** The tracks stay ours (`stopTracks: false`): they outlive a rebuilt transport. */
function audioOptions(track: MediaStreamTrack): types.ProducerOptions {
  return {
    track,
    stopTracks: false,
    codecOptions: { opusDtx: true, opusFec: true },
    appData: { source: "microphone" },
  };
}

function videoOptions(track: MediaStreamTrack, device: types.Device): types.ProducerOptions {
  const codecs = device.sendRtpCapabilities.codecs ?? [];
  const wish = readCodecWish(location.search);
  const supported = (name: CodecName) => codecs.find((one) => one.mimeType.toLowerCase() === `video/${name.toLowerCase()}`);
  const name = codecOrder(wish).find(supported);
  return {
    track,
    codec: name && supported(name),
    stopTracks: false,
    encodings: name && videoEncodings(name, wish, track.getSettings().height ?? DEFAULT_SIZE.height),
    codecOptions: { videoGoogleStartBitrate: 1000 },
    appData: { source: "camera" },
  };
}
