/** The media side of one membership in a room: device, two transports, what we send and what we receive. */

import type { types } from "mediasoup-client";

import { relayOnly } from "../lib/address.ts";
import type { Store } from "../lib/store.ts";
import type { LocalMedia } from "../media/localMedia.ts";
import type { ScreenShare } from "../media/screenShare.ts";
import type { SignalingClient } from "../signaling/client.ts";
import type { JoinAnswer } from "../signaling/messages.ts";
import { Receiving, type Wanted, type Watched } from "./receiving.ts";
import { Sending } from "./sending.ts";
import type { Sizes } from "./sizes.ts";
import type { RoomState } from "./state.ts";
import { askForTransport, IceMender, wireRecvTransport, wireSendTransport } from "./transports.ts";

/** Loads the media library; its own chunk, fetched while the person looks at the preview. */
export async function loadDevice(): Promise<types.Device> {
  const { detectDevice, Device } = await import("mediasoup-client");
  // A Chromium without a window calls itself HeadlessChrome, which the detection does not know on plain http pages.
  const handlerName = detectDevice() ?? (/Chrome\/\d/.test(navigator.userAgent) ? "Chrome111" : undefined);
  return Device.factory({ handlerName });
}

/** What the links work with; all of it outlives them. `onLost`: the server no longer knows a transport. */
export interface Surroundings {
  signaling: SignalingClient;
  store: Store<RoomState>;
  media: LocalMedia;
  screen: ScreenShare;
  watched: Watched;
  sizes: Sizes;
  onLost: () => void;
}

export class Links {
  sending: Sending | null = null;
  receiving: Receiving | null = null;
  private readonly signaling: SignalingClient;
  private readonly store: Store<RoomState>;
  private readonly media: LocalMedia;
  private readonly screen: ScreenShare;
  private readonly watched: Watched;
  private readonly sizes: Sizes;
  private readonly onLost: () => void;
  private readonly menders: IceMender[] = [];
  private closed = false;

  constructor({ signaling, store, media, screen, watched, sizes, onLost }: Surroundings) {
    this.signaling = signaling;
    this.store = store;
    this.media = media;
    this.screen = screen;
    this.watched = watched;
    this.sizes = sizes;
    this.onLost = onLost;
  }

  /**
   * Both transports are asked for at once, beside Device.load(). Receiving starts as soon as its own
   * transport is there; sending never holds it up.
   */
  async open(device: types.Device, answer: JoinAnswer, orphans: readonly Wanted[]): Promise<void> {
    const recvAsked = askForTransport(this.signaling, true);
    const sendAsked = askForTransport(this.signaling, false);
    const loaded = device.load({ routerRtpCapabilities: answer.rtpCapabilities });
    const path = {
      iceServers: answer.iceServers,
      ...(relayOnly() ? { iceTransportPolicy: "relay" as const } : {}),
    };

    const receive = Promise.all([recvAsked, loaded]).then(([params]) => {
      if (this.closed) return;
      const transport = device.createRecvTransport({ ...params, ...path });
      wireRecvTransport(transport, this.signaling);
      this.menders.push(new IceMender(transport, this.signaling, this.onLost));
      this.receiving = new Receiving(this.signaling, this.store, device, transport, this.watched, this.sizes);
      this.receiving.want([...wantedIn(this.store.get()), ...orphans]);
    });
    const send = Promise.all([sendAsked, loaded]).then(([params]) => {
      if (this.closed) return;
      const transport = device.createSendTransport({ ...params, ...path });
      wireSendTransport(transport, this.signaling);
      this.menders.push(new IceMender(transport, this.signaling, this.onLost));
      const mayPublish = answer.grants?.publish ?? true;
      this.sending = new Sending(this.signaling, this.media, this.screen, device, transport, mayPublish);
    });
    await Promise.all([receive, send]);
  }

  /** The same peer on a new line: the transports lived on, only the news in between is missing. */
  resume(answer: JoinAnswer): void {
    const wanted = wantedIn(this.store.get());
    this.receiving?.resume(new Set(wanted.map(({ producerId }) => producerId)), answer.resumed?.consumers ?? []);
    this.receiving?.want(wanted);
    this.sending?.resume(answer.resumed?.producers ?? []);
    for (const mender of this.menders) mender.check();
  }

  /** The computer changed networks: new paths at once, instead of when the old one is found to be dead. */
  networkChanged(): void {
    for (const mender of this.menders) mender.restart();
  }

  close(): void {
    this.closed = true;
    this.sending?.close();
    this.receiving?.close();
  }
}

/** Pictures first: the first answer gets an SDP round of its own, and a key frame takes longer to come than sound. */
function wantedIn(state: RoomState): Wanted[] {
  const all = state.peers.flatMap((peer) => peer.media.map((media) => ({ ...media, peerId: peer.id })));
  return [...all.filter(({ kind }) => kind === "video"), ...all.filter(({ kind }) => kind === "audio")].map(
    ({ producerId, peerId }) => ({ producerId, peerId }),
  );
}
