import { useEffect, useRef } from "react";

import { useT } from "../i18n/index.ts";
import { arrange } from "../lib/arrange.ts";
import { tilesPerPage } from "../lib/layout.ts";
import { nextOrder } from "../lib/order.ts";
import { useStore } from "../lib/store.ts";
import type { RoomSession } from "../room/session.ts";
import { CopyLink } from "./CopyLink.tsx";
import { useElementSize } from "./hooks.ts";
import { BackIcon, ForwardIcon } from "./icons.tsx";
import { Tile } from "./Tile.tsx";
import { OWN, OWN_SCREEN, type TileContent } from "./tiles.ts";
import { useTiles } from "./useTiles.ts";
import type { CallView, View } from "./view.ts";

const GAP = 12;
const GAP_SMALL = 8;
const SMALL_STAGE = 600;
const PAGER = 46;
const INVITE = "invite";

/** The tiles, where the layout wants them. They keep their elements when the layout changes, and their picture. */
export function Stage({ session, view }: { session: RoomSession; view: CallView }) {
  const t = useT();
  const look = useStore(view.store);
  const tiles = useTiles(session);
  const stage = useRef<HTMLDivElement>(null);
  const { width, height } = useElementSize(stage);
  const gap = width < SMALL_STAGE ? GAP_SMALL : GAP;
  const { active } = useStore(session.speaking.store);

  const others = tiles.filter((tile) => !tile.local);
  const people = others.filter((tile) => tile.kind === "camera").map((tile) => tile.key);
  const alone = people.length === 0;
  const featured = useFeatured(tiles, look, active);

  // Screens stand before people; our own tile is on the first page, unless it floats (over one person) or is hidden.
  const screens = tiles.filter((tile) => tile.kind === "screen").map((tile) => tile.key);
  const floats = people.length === 1 && featured.length === 0 && screens.length === 0;
  const firstPage = tilesPerPage(tiles.length, width, height, gap) - (floats ? 0 : 1);
  const order = useRef<readonly string[]>([]);
  order.current = nextOrder(order.current, people, active, Math.max(1, firstPage - screens.length));
  const keys = [...screens, ...order.current];
  const hidden = look.hideSelf && !alone;
  if (!floats && !hidden) keys.splice(featured.length > 0 ? screens.length : alone ? keys.length : firstPage, 0, OWN);
  const { online } = useStore(session.store);
  if (alone && online !== false) keys.push(INVITE);
  const floating = floats && !hidden ? OWN : null;
  const wish = { keys, featured, floating, width, height, gap, page: look.page };
  const whole = arrange(wish);
  const { boxes, page, pages } = whole.pages > 1 ? arrange({ ...wish, height: height - PAGER }) : whole;

  const shown = tiles.filter((tile) => boxes.has(tile.key));
  useWatched(session, shown, boxes, width > 0);
  const turn = (by: number) => view.setPage(page + by);

  return (
    <div className="stage" ref={stage} data-testid="stage" data-layout={featured.length > 0 ? "speaker" : "grid"}>
      {width > 0 &&
        shown.map(({ key, ...tile }) => (
          <Tile
            key={key}
            {...tile}
            tileKey={key}
            box={boxes.get(key) ?? null}
            session={session}
            view={view}
            pinned={look.pinned.includes(key)}
            stats={look.statsOf.has(key)}
            floating={key === floating}
          />
        ))}
      {alone && boxes.get(INVITE) && (
        <div className="invite" style={boxes.get(INVITE)}>
          <h2>{t.nobodyElse}</h2>
          <p>{t.nobodyElseText}</p>
          <CopyLink roomName={session.roomName} className="button primary" testId="invite-link" />
        </div>
      )}
      {pages > 1 && (
        <nav className="pager" aria-label={t.pageOf(page + 1, pages)}>
          <button type="button" className="icon-button" data-testid="page-back" aria-label={t.previousPage} disabled={page === 0} onClick={() => turn(-1)}>
            <BackIcon />
          </button>
          <span data-testid="page">{t.pageOf(page + 1, pages)}</span>
          <button type="button" className="icon-button" data-testid="page-on" aria-label={t.nextPage} disabled={page === pages - 1} onClick={() => turn(1)}>
            <ForwardIcon />
          </button>
        </nav>
      )}
    </div>
  );
}

/** What is shown large: what is pinned, else the others' screens, else in speaker view whoever has the floor. */
function useFeatured(tiles: readonly TileContent[], look: View, active: string | null): string[] {
  const lastSpeaker = useRef<string | null>(null);
  const pinned = look.pinned.filter((key) => tiles.some((tile) => tile.key === key));
  const people = tiles.filter((tile) => !tile.local && tile.kind === "camera");
  if (people.some((tile) => tile.key === active)) lastSpeaker.current = active;
  if (pinned.length > 0) return pinned;
  const screens = tiles.filter((tile) => tile.kind === "screen" && tile.key !== OWN_SCREEN).map((tile) => tile.key);
  if (screens.length > 0) return screens;
  if (look.mode === "grid" || people.length < 2) return [];
  const speaker = people.find((tile) => tile.key === lastSpeaker.current) ?? people[0];
  return speaker ? [speaker.key] : [];
}

/** Says which pictures are on the screen, and how large. */
function useWatched(
  session: RoomSession,
  shown: readonly TileContent[],
  boxes: ReadonlyMap<string, { width: number; height: number }>,
  ready: boolean,
): void {
  const text = shown
    .flatMap(({ producerId, key }) => {
      const box = boxes.get(key);
      return producerId && box ? [`${producerId} ${box.width} ${box.height}`] : [];
    })
    .join("\n");
  useEffect(() => {
    if (!ready) return;
    const lines = text ? text.split("\n").map((line) => line.split(" ")) : [];
    session.watched.set(
      new Map(lines.map(([id = "", width, height]) => [id, { width: Number(width), height: Number(height) }])),
    );
  }, [session, text, ready]);
}
