/** From the room's state to the tiles of the stage: one for each person, and one more for each screen. */

import { markFirstRemoteFrame } from "../lib/marks.ts";
import { qualityOf, type Quality } from "../lib/quality.ts";
import type { Speaking } from "../room/speaking.ts";
import type { Reaction, RemotePeer, RoomState } from "../room/state.ts";
import type { Layers } from "../signaling/messages.ts";

export const OWN = "you";
export const OWN_SCREEN = "your-screen";

/** Silent, heard beside somebody else whose turn it is, or the one to look at. */
export type Voice = "silent" | "heard" | "leading";

export interface TileContent {
  key: string;
  peerId: string;
  name: string;
  kind: "camera" | "screen";
  local: boolean;
  stream: MediaStream | null;
  muted: boolean;
  cameraOff: boolean;
  voice: Voice;
  quality: Quality;
  reconnecting: boolean;
  /** Place in the queue of raised hands; 0 while the hand is down. */
  hand: number;
  reactions: readonly Reaction[];
  layers: Layers | null;
  /** Of the video, if somebody else's. */
  producerId: string | null;
  /** The picture is held back, as our own connection cannot carry it. */
  starved: boolean;
  onFirstFrame?: () => void;
}

interface Own {
  camera: MediaStream | null;
  screen: MediaStream | null;
  muted: boolean;
  cameraOff: boolean;
}

export function tilesOf(peer: RemotePeer, room: Shared): TileContent[] {
  const find = (source: string) => peer.media.find((media) => media.source === source);
  const [microphone, camera] = [find("microphone"), find("camera")];
  const screens = peer.media.filter((media) => media.source === "screen");
  const sending = peer.media.filter((media) => !media.paused);
  const shared = {
    peerId: peer.id,
    name: peer.displayName,
    local: false,
    reconnecting: peer.reconnecting,
    quality: qualityOf(sending.map(({ score }) => score)),
    onFirstFrame: markFirstRemoteFrame,
  };
  return [
    ...screens.map(
      ({ producerId, consumerId, stream, paused, layers }): TileContent => ({
        ...shared,
        key: producerId,
        kind: "screen",
        stream,
        muted: false,
        cameraOff: paused,
        voice: "silent",
        hand: 0,
        reactions: [],
        layers,
        producerId,
        starved: isStarved(consumerId, room),
      }),
    ),
    {
      ...shared,
      key: peer.id,
      kind: "camera",
      stream: camera?.stream ?? null,
      muted: !microphone || microphone.paused,
      cameraOff: !camera || camera.paused,
      voice: voiceOf(peer.id, room.speaking),
      hand: room.hands.get(peer.id) ?? 0,
      reactions: room.reactions.get(peer.id) ?? [],
      layers: camera?.layers ?? null,
      producerId: camera?.producerId ?? null,
      starved: isStarved(camera?.consumerId ?? null, room),
    },
  ];
}

/** What tiles need beside their person. */
export interface Shared {
  speaking: Speaking;
  hands: ReadonlyMap<string, number>;
  reactions: ReadonlyMap<string, readonly Reaction[]>;
  /** Consumers that our connection cannot carry. */
  starved: ReadonlySet<string>;
}

export function ownTiles(state: RoomState, own: Own, room: Shared): TileContent[] {
  const id = state.peerId ?? "";
  const common = {
    peerId: id,
    name: state.displayName,
    local: true,
    quality: qualityOf(Object.values(state.ownScores).map((score) => (score === 0 ? null : score))),
    reconnecting: false,
    layers: null,
    producerId: null,
    starved: false,
  };
  const camera: TileContent = {
    ...common,
    key: OWN,
    kind: "camera",
    stream: own.camera,
    muted: own.muted,
    cameraOff: own.cameraOff,
    voice: voiceOf(id, room.speaking),
    hand: room.hands.get(id) ?? 0,
    reactions: room.reactions.get(id) ?? [],
  };
  if (!own.screen) return [camera];
  const screen: TileContent = {
    ...camera,
    key: OWN_SCREEN,
    kind: "screen",
    stream: own.screen,
    muted: false,
    cameraOff: false,
    voice: "silent",
    hand: 0,
    reactions: [],
  };
  return [camera, screen];
}

export function byPeer(reactions: readonly Reaction[]): ReadonlyMap<string, readonly Reaction[]> {
  const map = new Map<string, Reaction[]>();
  for (const one of reactions) map.set(one.peerId, [...(map.get(one.peerId) ?? []), one]);
  return map;
}

function isStarved(consumerId: string | null, { starved }: Shared): boolean {
  return consumerId !== null && starved.has(consumerId);
}

function voiceOf(peerId: string, { voices, active }: Speaking): Voice {
  if (!voices.has(peerId)) return "silent";
  return active === null || active === peerId ? "leading" : "heard";
}
