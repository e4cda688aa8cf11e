/** Two points on the page's own timeline, from which anybody can read how long joining took. */

export const JOIN_CLICKED = "rtpfwd:join-clicked";
export const FIRST_REMOTE_FRAME = "rtpfwd:first-remote-frame";

export function markJoinClicked(): void {
  performance.clearMarks(JOIN_CLICKED);
  performance.clearMarks(FIRST_REMOTE_FRAME);
  performance.mark(JOIN_CLICKED);
}

/** Counts once per join. */
export function markFirstRemoteFrame(): void {
  if (performance.getEntriesByName(FIRST_REMOTE_FRAME).length === 0) performance.mark(FIRST_REMOTE_FRAME);
}
