/** Signs of our own connection being too weak: one above the tiles, one on each picture that is held back. */

import { useT } from "../i18n/index.ts";
import { useStore } from "../lib/store.ts";
import type { RoomSession } from "../room/session.ts";
import { WeakLinkIcon } from "./icons.tsx";

export function WeakLinkNote({ session }: { session: RoomSession }) {
  const t = useT();
  const { weak } = useStore(session.downlink.store);
  const { online } = useStore(session.store);
  if (!weak || online === false) return null;
  return (
    <p className="weak-link" role="status" data-testid="weak-link">
      <WeakLinkIcon />
      {t.weakConnection}
    </p>
  );
}

export function TooWeak() {
  const t = useT();
  return (
    <p className="tile-weak" data-testid="tile-weak">
      <WeakLinkIcon />
      <span>{t.tooWeakFor}</span>
    </p>
  );
}
