/** What the room looks like at one moment, and the pure steps from one moment to the next. */

import type { AppData, Kind, Layers, MediaSource, PeerInfo, ProducerInfo, ReactionName } from "../signaling/messages.ts";

/** prejoin -> joining -> joined -> left | closed -> joining. A join that fails falls back to prejoin, with `error` set. */
export type Phase = "prejoin" | "joining" | "joined" | "left" | "closed";

/** One producer of somebody else, and our consumer of it once there is one. */
export interface RemoteMedia {
  producerId: string;
  kind: Kind;
  source: MediaSource;
  paused: boolean;
  consumerId: string | null;
  stream: MediaStream | null;
  /** 0 to 10; null while nothing is known. */
  score: number | null;
  /** The layers that arrive, of those that are sent. */
  layers: Layers | null;
}

export interface RemotePeer {
  id: string;
  displayName: string;
  media: readonly RemoteMedia[];
  /** ISO 8601; null while the hand is down. */
  handRaisedAt: string | null;
  /** Their line to the server is down, and they may come back. */
  reconnecting: boolean;
}

export interface Reaction {
  key: number;
  peerId: string;
  name: ReactionName;
}

export interface ChatLine {
  key: number;
  peerId: string;
  displayName: string;
  text: string;
  /** Milliseconds since 1970. */
  time: number;
  own: boolean;
}

export interface Toast {
  key: number;
  text: string;
  tone: "plain" | "bad";
}

/** The panel beside the stage. */
export type Panel = "chat" | "people" | null;

export interface RoomState {
  phase: Phase;
  /** Whether the signaling line is up; null before the first answer. */
  online: boolean | null;
  error: string | null;
  peerId: string | null;
  displayName: string;
  peers: readonly RemotePeer[];
  chat: readonly ChatLine[];
  panel: Panel;
  unread: number;
  toasts: readonly Toast[];
  /** The browser refused to play sound before a click. */
  soundBlocked: boolean;
  /** When we raised our own hand; null while it is down. */
  handRaisedAt: string | null;
  /** Those of the last seconds. */
  reactions: readonly Reaction[];
  /** Scores of our own producers, by id. */
  ownScores: Readonly<Record<string, number>>;
  /** Characters of one message. */
  chatLength: number;
  /** Whether our token lets us mute, remove and lock. */
  moderator: boolean;
  /** Whether nobody new may come in. */
  locked: boolean;
  /** The server is about to stop: when, in milliseconds since 1970, if that is known. */
  draining: { at: number | null } | null;
}

export const EMPTY_ROOM: RoomState = {
  phase: "prejoin",
  online: null,
  error: null,
  peerId: null,
  displayName: "",
  peers: [],
  chat: [],
  panel: null,
  unread: 0,
  toasts: [],
  soundBlocked: false,
  handRaisedAt: null,
  reactions: [],
  ownScores: {},
  chatLength: 1000,
  moderator: false,
  locked: false,
  draining: null,
};

export function withPeer(state: RoomState, info: PeerInfo): RoomState {
  if (state.peers.some((peer) => peer.id === info.id)) {
    return changePeer(state, info.id, (peer) => ({
      ...peer,
      displayName: info.displayName || peer.displayName,
      handRaisedAt: info.handRaisedAt ?? null,
      reconnecting: info.reconnecting ?? false,
    }));
  }
  const peer: RemotePeer = {
    id: info.id,
    displayName: info.displayName || "Guest",
    media: [],
    handRaisedAt: info.handRaisedAt ?? null,
    reconnecting: info.reconnecting ?? false,
  };
  return { ...state, peers: [...state.peers, peer] };
}

export function withoutPeer(state: RoomState, peerId: string): RoomState {
  return { ...state, peers: state.peers.filter((peer) => peer.id !== peerId) };
}

/** Notes a producer; what is known of our consumer of it stays. A peer nobody announced is made up as a guest. */
export function withProducer(state: RoomState, peerId: string, info: ProducerInfo): RoomState {
  const known = state.peers.some((peer) => peer.id === peerId);
  const base = known ? state : withPeer(state, { id: peerId, displayName: "" });
  return changePeer(base, peerId, (peer) => {
    const old = peer.media.find((media) => media.producerId === info.id);
    const next: RemoteMedia = {
      producerId: info.id,
      kind: info.kind,
      source: sourceOf(info.kind, info.appData),
      paused: info.paused,
      consumerId: old?.consumerId ?? null,
      stream: old?.stream ?? null,
      score: old?.score ?? null,
      layers: old?.layers ?? null,
    };
    const media = old
      ? peer.media.map((one) => (one.producerId === info.id ? next : one))
      : [...peer.media, next];
    return { ...peer, media };
  });
}

export function withoutProducer(state: RoomState, producerId: string): RoomState {
  const peers = state.peers.map((peer) =>
    peer.media.some((media) => media.producerId === producerId)
      ? { ...peer, media: peer.media.filter((media) => media.producerId !== producerId) }
      : peer,
  );
  return { ...state, peers };
}

export function withMedia(state: RoomState, producerId: string, change: Partial<RemoteMedia>): RoomState {
  const peers = state.peers.map((peer) =>
    peer.media.some((media) => media.producerId === producerId)
      ? {
          ...peer,
          media: peer.media.map((media) => (media.producerId === producerId ? { ...media, ...change } : media)),
        }
      : peer,
  );
  return { ...state, peers };
}

/** The room as a joinRoom answer describes it, keeping the consumers that are still good. */
export function withRoster(state: RoomState, roster: readonly PeerInfo[]): RoomState {
  const present = new Set(roster.map((info) => info.id));
  let next: RoomState = { ...state, peers: state.peers.filter((peer) => present.has(peer.id)) };
  for (const info of roster) {
    next = withPeer(next, info);
    const producers = info.producers ?? [];
    const alive = new Set(producers.map((producer) => producer.id));
    next = changePeer(next, info.id, (peer) => ({
      ...peer,
      media: peer.media.filter((media) => alive.has(media.producerId)),
    }));
    for (const producer of producers) next = withProducer(next, info.id, producer);
  }
  return next;
}

/** What is said of one of our consumers. */
export function withConsumer(
  state: RoomState,
  consumerId: string,
  change: (media: RemoteMedia) => Partial<RemoteMedia>,
): RoomState {
  const media = state.peers.flatMap((peer) => peer.media).find((one) => one.consumerId === consumerId);
  return media ? withMedia(state, media.producerId, change(media)) : state;
}

export function sourceOf(kind: Kind, appData: AppData | undefined): MediaSource {
  const source = appData?.["source"];
  if (kind === "video") return source === "screen" ? "screen" : "camera";
  return source === "screen-audio" || source === "screen" ? "screen-audio" : "microphone";
}

/** The place of each raised hand in the queue, from 1; `own` is our id. */
export function handQueue({ peers, handRaisedAt }: RoomState, own: string): ReadonlyMap<string, number> {
  const raised = peers.flatMap((peer) => (peer.handRaisedAt === null ? [] : [{ id: peer.id, at: peer.handRaisedAt }]));
  if (handRaisedAt !== null) raised.push({ id: own, at: handRaisedAt });
  raised.sort((a, b) => (a.at < b.at ? -1 : 1));
  return new Map(raised.map(({ id }, index) => [id, index + 1]));
}

/** Milliseconds since 1970 from a number of seconds or milliseconds, or from an ISO date. */
export function readTime(time: number | string | undefined, now: number): number {
  if (typeof time === "number" && Number.isFinite(time)) return time > 1e11 ? time : time * 1000;
  const parsed = typeof time === "string" ? Date.parse(time) : NaN;
  return Number.isNaN(parsed) ? now : parsed;
}

function changePeer(state: RoomState, peerId: string, change: (peer: RemotePeer) => RemotePeer): RoomState {
  return { ...state, peers: state.peers.map((peer) => (peer.id === peerId ? change(peer) : peer)) };
}
