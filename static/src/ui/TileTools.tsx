import type { RefObject } from "react";

import { useT } from "../i18n/index.ts";
import { useStore } from "../lib/store.ts";
import { FullScreenIcon, MicOffIcon, PinIcon, PipIcon, RemoveIcon, StatsIcon } from "./icons.tsx";
import type { TileProps } from "./Tile.tsx";
import { togglePictureInPicture, toggleFullScreen } from "./windows.ts";

/** What can be done with one tile; shown when it is pointed at, touched or reached with the keyboard. */
export function TileTools({ tile, title, element }: { tile: TileProps; title: string; element: RefObject<HTMLElement | null> }) {
  const t = useT();
  const { tileKey, view, pinned, stats, stream, cameraOff, session, peerId } = tile;
  const moderates = useStore(session.store).moderator && !tile.local && tile.kind !== "screen";
  const hasPicture = stream !== null && !cameraOff;
  const actions = [
    { id: "pin", label: pinned ? t.unpin : t.pin, Icon: PinIcon, on: pinned, run: () => view.togglePin(tileKey) },
    { id: "stats", label: stats ? t.hideStatistics : t.statistics, Icon: StatsIcon, on: stats, run: () => view.toggleStats(tileKey) },
    ...(hasPicture && document.pictureInPictureEnabled
      ? [{ id: "pip", label: t.pictureInPicture, Icon: PipIcon, on: false, run: () => togglePictureInPicture(element.current) }]
      : []),
    ...(document.fullscreenEnabled
      ? [{ id: "full", label: t.fullScreen, Icon: FullScreenIcon, on: false, run: () => toggleFullScreen(element.current) }]
      : []),
    ...(moderates && !tile.muted
      ? [{ id: "mute", label: t.mutePerson, Icon: MicOffIcon, on: false, run: () => session.moderation.mute(peerId) }]
      : []),
    ...(moderates
      ? [{ id: "remove", label: t.removePerson, Icon: RemoveIcon, on: false, run: () => view.askToRemove(peerId) }]
      : []),
  ];
  return (
    <div className="tile-tools" role="group" aria-label={t.tileActions(title)}>
      {actions.map(({ id, label, Icon, on, run }) => (
        <button
          key={id}
          type="button"
          className="tile-tool"
          data-testid={`tile-${id}`}
          aria-label={label}
          title={label}
          data-on={on}
          onClick={() => void run()}
        >
          <Icon />
        </button>
      ))}
    </div>
  );
}
