import { useMemo, useRef } from "react";

import { layoutGrid } from "../lib/layout.ts";
import { markFirstRemoteFrame } from "../lib/marks.ts";
import { useStore } from "../lib/store.ts";
import type { RoomSession } from "../room/session.ts";
import type { Speaking } from "../room/speaking.ts";
import type { RemotePeer } from "../room/state.ts";
import { CopyLink } from "./CopyLink.tsx";
import { useElementSize, useTrackStream } from "./hooks.ts";
import { Tile, type TileProps, type Voice } from "./Tile.tsx";

const GAP = 12;
const GAP_SMALL = 8;
const SMALL_STAGE = 600;

type Content = Omit<TileProps, "style"> & { key: string };

export function Grid({ session }: { session: RoomSession }) {
  const state = useStore(session.store);
  const speaking = useStore(session.speaking.store);
  const { audio, video } = useStore(session.media.store);
  const ownStream = useTrackStream(video.track);
  const stage = useRef<HTMLDivElement>(null);
  const size = useElementSize(stage);

  const alone = state.peers.length === 0;
  const remote = useMemo(
    () => state.peers.flatMap((peer) => tilesOf(peer, voiceOf(peer.id, speaking))),
    [state.peers, speaking],
  );
  const own: Content = {
    key: "you",
    peerId: state.peerId ?? "",
    name: state.displayName,
    kind: "camera",
    local: true,
    stream: ownStream,
    muted: !audio.on || !audio.track,
    cameraOff: !video.on || !video.track,
    voice: voiceOf(state.peerId ?? "", speaking),
  };
  const tiles = [...remote, own];

  const gap = size.width < SMALL_STAGE ? GAP_SMALL : GAP;
  const grid = layoutGrid(tiles.length + (alone ? 1 : 0), size.width, size.height, gap);
  const tileStyle = { width: grid.width, height: grid.height };
  const gridStyle = { gap, width: grid.columns * grid.width + (grid.columns - 1) * gap };

  return (
    <div className="stage" ref={stage}>
      {size.width > 0 && (
        <div className="grid" style={gridStyle} data-count={tiles.length} data-dense={grid.width < 260}>
          {tiles.map(({ key, ...tile }) => (
            <Tile key={key} {...tile} style={tileStyle} />
          ))}
          {alone && (
            <div className="invite" style={tileStyle}>
              <h2>Nobody else is here yet</h2>
              <p>Share the link and they appear next to you.</p>
              <CopyLink roomName={session.roomName} className="button primary" testId="invite-link" />
            </div>
          )}
        </div>
      )}
    </div>
  );
}

/** A person's own tile, with or without a picture, and one more for every screen they show. */
function tilesOf(peer: RemotePeer, voice: Voice): Content[] {
  const microphone = peer.media.find((media) => media.kind === "audio" && media.source !== "screen");
  const camera = peer.media.find((media) => media.kind === "video" && media.source === "camera");
  const screens = peer.media.filter((media) => media.kind === "video" && media.source === "screen");
  const shared = { peerId: peer.id, name: peer.displayName, onFirstFrame: markFirstRemoteFrame };
  return [
    ...screens.map(
      ({ producerId, stream, paused }): Content => ({
        ...shared,
        key: producerId,
        kind: "screen",
        stream,
        muted: false,
        cameraOff: paused,
      }),
    ),
    {
      ...shared,
      key: peer.id,
      kind: "camera",
      stream: camera?.stream ?? null,
      muted: !microphone || microphone.paused,
      cameraOff: !camera || camera.paused,
      voice,
    },
  ];
}

function voiceOf(peerId: string, { voices, active }: Speaking): Voice {
  if (!voices.has(peerId)) return "silent";
  return active === null || active === peerId ? "leading" : "heard";
}
