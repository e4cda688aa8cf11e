import { useMemo } from "react";

import { useStore } from "../lib/store.ts";
import type { RoomSession } from "../room/session.ts";
import { handQueue } from "../room/state.ts";
import { useTrackStream } from "./hooks.ts";
import { byPeer, ownTiles, tilesOf, type TileContent } from "./tiles.ts";

/** Everybody in the room as tiles, with all that their state says; redrawn when any of it changes. */
export function useTiles(session: RoomSession): TileContent[] {
  const state = useStore(session.store);
  const speaking = useStore(session.speaking.store);
  const { audio, video } = useStore(session.media.store);
  const shared = useStore(session.screen.store);
  const { starved } = useStore(session.downlink.store);
  const camera = useTrackStream(video.track);
  const screen = useTrackStream(shared.video);
  return useMemo(() => {
    const room = { speaking, hands: handQueue(state, state.peerId ?? ""), reactions: byPeer(state.reactions), starved };
    const own = { camera, screen, muted: !audio.on || !audio.track, cameraOff: !video.on || !video.track };
    return [...state.peers.flatMap((peer) => tilesOf(peer, room)), ...ownTiles(state, own, room)];
  }, [state, speaking, audio, video, camera, screen, starved]);
}
