/** What the server tells us unasked, written into the room's state. */

import type { SignalingClient } from "../signaling/client.ts";
import { REACTIONS } from "../signaling/messages.ts";
import type { RoomSession } from "./session.ts";
import { t } from "../i18n/index.ts";
import { noteScore } from "../lib/quality.ts";
import { readTime, sourceOf, withConsumer, withMedia, withoutPeer, withoutProducer, withPeer, withProducer } from "./state.ts";

/** Characters of a message that are shown while the chat is closed. */
const SHOWN = 80;

export function listenToPushes(signaling: SignalingClient, session: RoomSession): void {
  const { store } = session;

  signaling.onPush("peer-joined", ({ peer }) => {
    const { peers, peerId } = store.get();
    if (peer.id === peerId) return;
    const known = peers.some((one) => one.id === peer.id);
    store.update((state) => withPeer(state, peer));
    if (!known) session.notify(t().joined(peer.displayName || t().guest));
  });

  signaling.onPush("peer-updated", ({ peer }) => {
    const { peers, peerId } = store.get();
    if (peer.id === peerId) return;
    const before = peers.find((one) => one.id === peer.id);
    store.update((state) => withPeer(state, peer));
    if (before && !before.handRaisedAt && peer.handRaisedAt) session.notify(t().raisedHand(peer.displayName));
  });

  signaling.onPush("reaction", ({ peerId, reaction }) => {
    // A newer server may know more of them.
    if (REACTIONS.includes(reaction)) session.showReaction(peerId, reaction);
  });

  signaling.onPush("consumer-score", ({ consumerId, score }) => {
    // Ours tells of our downlink, the producer's of their uplink; the weaker one is what is seen.
    const weaker = Math.min(score.score, score.producerScore);
    store.update((state) => withConsumer(state, consumerId, (media) => ({ score: noteScore(media.score, weaker) })));
  });

  signaling.onPush("consumer-layers-changed", ({ consumerId, layers }) => {
    store.update((state) => withConsumer(state, consumerId, () => ({ layers: layers ?? null })));
  });

  signaling.onPush("producer-score", ({ producerId, score }) => {
    // Of simulcast streams those that the browser does not send for lack of bandwidth have none.
    const best = Math.max(0, ...score.map((stream) => stream.score));
    store.update((state) => ({ ...state, ownScores: { ...state.ownScores, [producerId]: best } }));
  });

  signaling.onPush("producer-wanted-encodings", ({ producerId, encodings }) => {
    session.links?.sending?.want(producerId, encodings);
  });

  signaling.onPush("downlink-bandwidth", (downlink) => session.downlink.note(downlink));

  signaling.onPush("peer-left", ({ peerId }) => {
    const gone = store.get().peers.find((one) => one.id === peerId);
    if (!gone) return;
    for (const { producerId } of gone.media) session.links?.receiving?.drop(producerId);
    store.update((state) => withoutPeer(state, peerId));
    session.notify(t().left(gone.displayName));
  });

  signaling.onPush("new-producer", ({ producerId, peerId, kind, appData, paused }) => {
    if (peerId !== undefined && peerId === store.get().peerId) return;
    if (peerId !== undefined && kind !== undefined) {
      store.update((state) => withProducer(state, peerId, { id: producerId, kind, paused: paused ?? false, appData }));
      if (sourceOf(kind, appData) === "screen") {
        const name = store.get().peers.find((one) => one.id === peerId)?.displayName;
        session.notify(t().shares(name ?? t().guest));
      }
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

  signaling.onPush("producer-muted", ({ producerId }) => {
    session.links?.sending?.muted(producerId);
    session.notify(t().mutedByModerator);
  });

  signaling.onPush("room-updated", ({ locked }) => {
    store.update((state) => ({ ...state, locked }));
    session.notify(locked ? t().roomNowLocked : t().roomNowOpen);
  });

  signaling.onPush("server-draining", ({ remainingS }) => {
    const draining = remainingS === undefined ? null : { at: Date.now() + 1000 * remainingS };
    store.update((state) => ({ ...state, draining }));
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
    if (store.get().panel !== "chat") session.notify(`${displayName}: ${text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text}`);
  });

  signaling.onPush("room-closed", ({ reason }) => {
    if (store.get().phase !== "joined") return;
    // A server that stops is most often one that starts again.
    if (reason === "shutdown") session.awaitServer();
    else session.leave("closed");
  });
}
