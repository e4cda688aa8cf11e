import { useEffect, useState } from "react";

import { useT } from "../i18n/index.ts";
import { useStore } from "../lib/store.ts";
import type { RoomSession } from "../room/session.ts";
import { AudioSinks } from "./AudioSinks.tsx";
import { Chat } from "./Chat.tsx";
import { ControlBar } from "./ControlBar.tsx";
import { useHoldToTalk, useMediaKeys, useShortcuts } from "./hooks.ts";
import { Logo, PeopleIcon } from "./icons.tsx";
import { People } from "./People.tsx";
import { RemoveDialog } from "./RemoveDialog.tsx";
import { Settings } from "./Settings.tsx";
import { Shortcuts } from "./Shortcuts.tsx";
import { Stage } from "./Stage.tsx";
import { Banner, Toasts } from "./Toasts.tsx";
import { CallView } from "./view.ts";
import { WeakLinkNote } from "./WeakLink.tsx";
import { mainTile, toggleFullScreen, togglePictureInPicture } from "./windows.ts";

export function Call({ session }: { session: RoomSession }) {
  const t = useT();
  const state = useStore(session.store);
  const [view] = useState(() => new CallView());
  const { dialog, removing } = useStore(view.store);
  useKeys(session, view);
  useProblems(session);

  const people = state.peers.length + 1;
  return (
    <div className="call" data-panel={state.panel !== null}>
      <header className="call-header">
        <div className="call-title">
          <Logo />
          <h1 className="call-room">{session.roomName}</h1>
        </div>
        <div className="call-news">
          <Banner session={session} />
          <WeakLinkNote session={session} />
          <Toasts toasts={state.toasts} />
        </div>
        <button
          type="button"
          className="call-people"
          data-testid="people-toggle"
          aria-expanded={state.panel === "people"}
          aria-label={t.inThisRoom(people)}
          title={`${t.inThisRoom(people)} (U)`}
          onClick={() => session.togglePanel("people")}
        >
          <PeopleIcon />
          <span aria-hidden="true" data-testid="people">
            {people}
          </span>
        </button>
      </header>
      <main className="call-main">
        <Stage session={session} view={view} />
      </main>
      <footer className="call-controls">
        <ControlBar session={session} view={view} />
      </footer>
      {state.panel === "chat" && <Chat session={session} />}
      {state.panel === "people" && <People session={session} view={view} />}
      {dialog === "settings" && <Settings session={session} view={view} />}
      {dialog === "shortcuts" && <Shortcuts view={view} />}
      {removing !== null && <RemoveDialog session={session} view={view} peerId={removing} />}
      <Heard session={session} />
      <AudioSinks session={session} />
    </div>
  );
}

/** The last reaction in words, for those who do not see it. */
function Heard({ session }: { session: RoomSession }) {
  const t = useT();
  const { reactions, peers, displayName } = useStore(session.store);
  const last = reactions.at(-1);
  const name = peers.find((peer) => peer.id === last?.peerId)?.displayName ?? displayName;
  return (
    <p className="visually-hidden" role="status">
      {last && t.reacted(name, t.reactions[last.name])}
    </p>
  );
}

/** All keys of the call; ui/Shortcuts.tsx lists them for people. */
function useKeys(session: RoomSession, view: CallView): void {
  const { media } = session;
  const [keys] = useState(() => ({
    m: () => media.toggle("audio"),
    v: () => media.toggle("video"),
    s: () => void session.toggleScreen(),
    c: () => session.togglePanel("chat"),
    u: () => session.togglePanel("people"),
    h: () => session.toggleHand(),
    g: () => view.toggleMode(),
    f: () => void toggleFullScreen(document.documentElement),
    p: () => void togglePictureInPicture(mainTile()),
    "?": () => view.show("shortcuts"),
  }));
  useShortcuts(keys);
  useHoldToTalk(media);
  useMediaKeys(session);
}

/** A device that goes away, or does not come, is said once in words; the mark on its button stays. */
function useProblems(session: RoomSession): void {
  const { audio, video } = useStore(session.media.store);
  const problems = [audio.problem, video.problem].filter((problem) => problem !== null);
  const text = problems.map(({ title, advice }) => `${title}. ${advice}`).join(" ");
  useEffect(() => {
    if (text) session.notify(text, "bad");
  }, [session, text]);
}
