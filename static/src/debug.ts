/** `window.rtpfwd`: what the curious and the tests may look at, and a limit on layers to try out. */

import type { RoomSession } from "./room/session.ts";

declare global {
  interface Window {
    rtpfwd?: {
      state: () => unknown;
      stats: () => Promise<unknown>;
      prefer: (consumerId: string, spatialLayer: number, temporalLayer?: number) => void;
    };
  }
}

export function exposeSession(session: RoomSession): void {
  window.rtpfwd = {
    state: () => snapshot(session),
    stats: () => session.stats(),
    prefer: (consumerId, spatialLayer, temporalLayer) =>
      session.links?.receiving?.prefer(consumerId, spatialLayer, temporalLayer),
  };
}

export function hideSession(): void {
  delete window.rtpfwd;
}

function snapshot(session: RoomSession): unknown {
  const { phase, online, error, peerId, displayName, peers, chat, unread, handRaisedAt } = session.store.get();
  const { audio, video } = session.media.store.get();
  return {
    roomName: session.roomName,
    phase,
    online,
    error,
    peerId,
    displayName,
    local: {
      mic: audio.on && audio.track !== null,
      camera: video.on && video.track !== null,
      producers: session.links?.sending?.ids ?? {},
      encodings: session.links?.sending?.wantedEncodings ?? {},
    },
    peers: peers.map((peer) => ({
      id: peer.id,
      displayName: peer.displayName,
      handRaised: peer.handRaisedAt !== null,
      reconnecting: peer.reconnecting,
      media: peer.media.map(({ stream, ...media }) => ({ ...media, playing: stream?.active ?? false })),
    })),
    chat: chat.map(({ peerId: from, displayName: name, text, time, own }) => ({ from, name, text, time, own })),
    unread,
    handRaised: handRaisedAt !== null,
    fetched: session.links?.receiving?.fetched ?? [],
    shownSizes: Object.fromEntries(session.sizes.store.get()),
    downlink: downlinkOf(session),
    activeSpeaker: session.speaking.store.get().active,
  };
}

function downlinkOf(session: RoomSession): unknown {
  const { starved: _starved, ...told } = session.downlink.store.get();
  return told;
}
