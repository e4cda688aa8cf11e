/** Making the two WebRTC transports, and mending their ICE when the path breaks. */

import type { types } from "mediasoup-client";

import { SignalingError, type SignalingClient } from "../signaling/client.ts";
import type { Kind, TransportParams } from "../signaling/messages.ts";

const MEND_EVERY_MS = 5_000;

/** Asks the server for a transport. Goes out at once, so it can run beside Device.load(). */
export async function askForTransport(signaling: SignalingClient, consumer: boolean): Promise<TransportParams> {
  return (await signaling.request("createWebRtcTransport", { consumer })).params;
}

export function wireSendTransport(transport: types.Transport, signaling: SignalingClient): void {
  transport.on("connect", ({ dtlsParameters }, done, fail) => {
    signaling.request("transport-connect", { dtlsParameters, transportId: transport.id }).then(done, fail);
  });
  transport.on("produce", ({ kind, rtpParameters, appData }, done, fail) => {
    signaling
      .request("transport-produce", { kind: kind as Kind, rtpParameters, appData, transportId: transport.id })
      .then(({ id }) => done({ id }), fail);
  });
}

export function wireRecvTransport(transport: types.Transport, signaling: SignalingClient): void {
  transport.on("connect", ({ dtlsParameters }, done, fail) => {
    signaling
      .request("transport-recv-connect", { dtlsParameters, serverConsumerTransportId: transport.id })
      .then(done, fail);
  });
}

/** Restarts ICE while a transport is disconnected or failed, at most once in five seconds. */
export class IceMender {
  private readonly transport: types.Transport;
  private readonly signaling: SignalingClient;
  private readonly onLost: () => void;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private lastAt = -Infinity;
  private forced = false;

  /** `onLost` is called when the server no longer knows the transport. */
  constructor(transport: types.Transport, signaling: SignalingClient, onLost: () => void) {
    this.transport = transport;
    this.signaling = signaling;
    this.onLost = onLost;
    transport.on("connectionstatechange", () => this.check());
    transport.observer.on("close", () => clearTimeout(this.timer));
  }

  check(): void {
    if (!this.broken || this.timer !== undefined) return;
    const wait = Math.max(0, this.lastAt + MEND_EVERY_MS - performance.now());
    this.timer = setTimeout(() => void this.mend(), wait);
  }

  /** Without waiting for the path to be found broken; not before there was one. */
  restart(): void {
    const state = this.transport.connectionState;
    if (this.transport.closed || state === "new" || state === "connecting") return;
    this.forced = true;
    this.check();
  }

  private get broken(): boolean {
    if (this.forced && !this.transport.closed) return true;
    const state = this.transport.connectionState;
    return !this.transport.closed && (state === "disconnected" || state === "failed");
  }

  private async mend(): Promise<void> {
    this.timer = undefined;
    // While the line is down nothing can be asked; the session calls check() again when it is back.
    if (!this.broken || !this.signaling.connected) return;
    this.lastAt = performance.now();
    this.forced = false;
    try {
      const { iceParameters, iceServers } = await this.signaling.request("restart-ice", { transportId: this.transport.id });
      // Passwords of TURN servers expire; these are fresh.
      if (iceServers && !this.transport.closed) await this.transport.updateIceServers({ iceServers });
      if (!this.transport.closed) await this.transport.restartIce({ iceParameters });
    } catch (error) {
      if (error instanceof SignalingError && error.code === "not_found" && !this.transport.closed) {
        this.onLost();
        return;
      }
      console.warn("restart-ice:", error);
    }
    this.check();
  }
}
