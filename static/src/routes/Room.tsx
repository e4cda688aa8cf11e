import { useEffect, useState } from "react";

import { exposeSession, hideSession } from "../debug.ts";
import { t } from "../i18n/index.ts";
import { recall, remember } from "../lib/storage.ts";
import { useStore } from "../lib/store.ts";
import { readVideoSize } from "../lib/video.ts";
import { RoomSession } from "../room/session.ts";
import { Call } from "../ui/Call.tsx";
import { Ended } from "../ui/Ended.tsx";
import { Prejoin } from "../ui/Prejoin.tsx";

const DISPLAY_NAME = "display-name";

export function Room({ name }: { name: string }) {
  const [session] = useState(() => new RoomSession(name, readVideoSize(location.search)));
  const state = useStore(session.store);

  useEffect(() => {
    session.prepare();
    exposeSession(session);
    const dispose = () => session.dispose();
    // A page restored from the back/forward cache has lost its call: start over.
    const restore = (event: PageTransitionEvent) => event.persisted && location.reload();
    window.addEventListener("pagehide", dispose);
    window.addEventListener("pageshow", restore);
    return () => {
      window.removeEventListener("pagehide", dispose);
      window.removeEventListener("pageshow", restore);
      hideSession();
      dispose();
    };
  }, [session]);

  useEffect(() => {
    document.title = `${state.unread > 0 ? `(${state.unread}) ` : ""}${name} · rtpfwd`;
  }, [name, state.unread]);

  const join = (displayName: string) => {
    remember(DISPLAY_NAME, displayName);
    void session.join(displayName || t().guest);
  };

  switch (state.phase) {
    case "joined":
      return <Call session={session} />;
    case "left":
    case "closed":
      return <Ended session={session} closed={state.phase === "closed"} />;
    default:
      return <Prejoin session={session} initialName={recall(DISPLAY_NAME)} onJoin={join} />;
  }
}
