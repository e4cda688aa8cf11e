/** What the server tells us unasked, written into the room's state. */

import type { SignalingClient } from "../signaling/client.ts";
import type { RoomSession } from "./session.ts";
import { readTime, withMedia, withoutPeer, withoutProducer, withPeer, withProducer } from "./state.ts";

export function listenToPushes(signaling: SignalingClient, session: RoomSession): void {
  const { store } = session;

  signaling.onPush("peer-joined", ({ peer }) => {
    const { peers, peerId } = store.get();
    if (peer.id === peerId) return;
    const known = peers.some((one) => one.id === peer.id);
    store.update((state) => withPeer(state, peer));
    if (!known) session.notify(`${peer.displayName || "Guest"} joined`);
  });

  signaling.onPush("peer-updated", ({ peer }) => {
    if (peer.id !== store.get().peerId) store.update((state) => withPeer(state, peer));
  });

  signaling.onPush("peer-left", ({ peerId }) => {
    const gone = store.get().peers.find((one) => one.id === peerId);
    if (!gone) return;
    for (const { producerId } of gone.media) session.links?.receiving?.drop(producerId);
    store.update((state) => withoutPeer(state, peerId));
    session.notify(`${gone.displayName} left`);
  });

  signaling.onPush("new-producer", ({ producerId, peerId, kind, appData, paused }) => {
    if (peerId !== undefined && peerId === store.get().peerId) return;
    if (peerId !== undefined && kind !== undefined) {
      store.update((state) => withProducer(state, peerId, { id: producerId, kind, paused: paused ?? false, appData }));
    }
    const wanted = { producerId, ...(peerId === undefined ? {} : { peerId }) };
    const receiving = session.links?.receiving;
    if (receiving) receiving.want([wanted]);
    else if (kind === undefined) session.orphans.push(wanted);
  });

  signaling.onPush("producer-closed", ({ remoteProducerId }) => {
    session.links?.receiving?.drop(remoteProducerId);
    store.update((state) => withoutProducer(state, remoteProducerId));
  });

  signaling.onPush("producer-paused", ({ producerId }) => {
    store.update((state) => withMedia(state, producerId, { paused: true }));
  });

  signaling.onPush("producer-resumed", ({ producerId }) => {
    store.update((state) => withMedia(state, producerId, { paused: false }));
  });

  signaling.onPush("consumer-closed", ({ consumerId }) => {
    session.links?.receiving?.dropConsumer(consumerId);
  });

  signaling.onPush("active-speaker", ({ peerId }) => session.speaking.turnOf(peerId));

  signaling.onPush("audio-levels", ({ levels }) => session.speaking.heard(levels));

  signaling.onPush("chat-message", ({ peerId, displayName, text, time }) => {
    // Our own lines are shown when the server has taken them; an echo would show them twice.
    if (peerId === store.get().peerId) return;
    session.addChatLine({ peerId, displayName, text, time: readTime(time, Date.now()), own: false });
  });

  signaling.onPush("room-closed", () => {
    if (store.get().phase === "joined") session.leave("closed");
  });
}
