/** The list of people, from the tiles of the room: one line for each person, whatever else they show. */

import type { TileContent } from "./tiles.ts";

export type Participant = TileContent & { sharing: boolean };

/** Ourselves first, then raised hands in the order in which they went up, then everybody by name. */
export function roster(tiles: readonly TileContent[]): Participant[] {
  const sharing = new Set(tiles.filter(({ kind }) => kind === "screen").map(({ peerId }) => peerId));
  const people = tiles.filter(({ kind }) => kind === "camera").map((one) => ({ ...one, sharing: sharing.has(one.peerId) }));
  return people.sort(
    (a, b) =>
      Number(b.local) - Number(a.local) ||
      (a.hand || Infinity) - (b.hand || Infinity) ||
      a.name.localeCompare(b.name) ||
      (a.key < b.key ? -1 : 1),
  );
}
