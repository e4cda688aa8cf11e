import { useMemo } from "react";

import { useStore } from "../lib/store.ts";
import type { RoomSession } from "../room/session.ts";
import { AudioSinks } from "./AudioSinks.tsx";
import { Chat } from "./Chat.tsx";
import { ControlBar } from "./ControlBar.tsx";
import { Grid } from "./Grid.tsx";
import { useShortcuts } from "./hooks.ts";
import { Logo, PeopleIcon } from "./icons.tsx";
import { Banner, Toasts } from "./Toasts.tsx";

export function Call({ session }: { session: RoomSession }) {
  const state = useStore(session.store);
  const { media } = session;
  useShortcuts(useMemo(() => ({ m: () => media.toggle("audio"), v: () => media.toggle("video") }), [media]));

  const people = state.peers.length + 1;
  return (
    <div className="call" data-chat={state.chatOpen}>
      <header className="call-header">
        <Logo />
        <h1 className="call-room">{session.roomName}</h1>
        <span className="call-people" title={`${people} in this room`}>
          <PeopleIcon />
          <span aria-hidden="true">{people}</span>
          <span className="visually-hidden">{people} in this room</span>
        </span>
      </header>
      <main className="call-main">
        <Banner session={session} />
        <Grid session={session} />
        <Toasts toasts={state.toasts} />
      </main>
      <ControlBar session={session} />
      {state.chatOpen && <Chat session={session} />}
      <AudioSinks session={session} />
    </div>
  );
}
