import { memo, type KeyboardEvent } from "react";

import { useT } from "../i18n/index.ts";
import { hueOf } from "../lib/people.ts";
import type { Quality } from "../lib/quality.ts";
import { useStore } from "../lib/store.ts";
import type { RoomSession } from "../room/session.ts";
import { Avatar } from "./Avatar.tsx";
import { Bars } from "./Bars.tsx";
import { CopyLink } from "./CopyLink.tsx";
import { CameraIcon, CameraOffIcon, HandIcon, LockIcon, MicIcon, MicOffIcon, PinIcon, RemoveIcon, ScreenIcon } from "./icons.tsx";
import { PanelHeader } from "./PanelHeader.tsx";
import { roster } from "./roster.ts";
import { useTiles } from "./useTiles.ts";
import type { CallView } from "./view.ts";

/** Everybody in the room with what can be said of them, and what a moderator may do about it. */
export function People({ session, view }: { session: RoomSession; view: CallView }) {
  const t = useT();
  const { moderator, locked } = useStore(session.store);
  const { pinned } = useStore(view.store);
  const people = roster(useTiles(session));
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Escape") session.togglePanel("people");
  };
  const { moderation } = session;
  const anybodyTalks = people.some((one) => !one.local && !one.muted);
  return (
    <aside className="panel people" aria-label={t.people} data-testid="people-panel" onKeyDown={onKey}>
      <PanelHeader title={`${t.people} (${people.length})`} closeLabel={t.closePeople} testId="people-close" onClose={() => session.togglePanel("people")} />
      {moderator && (
        <div className="people-actions" role="group" aria-label={t.roomActions}>
          <button type="button" className="button small" data-testid="mute-all" disabled={!anybodyTalks} onClick={() => moderation.muteAll()}>
            <MicOffIcon />
            {t.muteAll}
          </button>
          <button type="button" className="button small" data-testid="people-lock" aria-pressed={locked} onClick={() => moderation.toggleLock()}>
            <LockIcon />
            {locked ? t.unlockRoom : t.lockRoom}
          </button>
        </div>
      )}
      <ul className="people-list" tabIndex={0} aria-label={t.people}>
        {people.map(({ key, peerId, name, local, muted, cameraOff, sharing, hand, voice, quality, reconnecting }) => (
          <Row
            key={key}
            {...{ tileKey: key, peerId, name, local, muted, cameraOff, sharing, hand, quality, reconnecting, session, view }}
            talking={voice !== "silent" && !muted}
            pinned={pinned.includes(key)}
            moderates={moderator && !local}
          />
        ))}
      </ul>
      <footer className="people-footer">
        {locked && (
          <p>
            <LockIcon />
            {t.roomIsLocked}
          </p>
        )}
        <CopyLink roomName={session.roomName} className="button" testId="people-link" />
      </footer>
    </aside>
  );
}

interface RowProps {
  tileKey: string;
  peerId: string;
  name: string;
  local: boolean;
  muted: boolean;
  cameraOff: boolean;
  sharing: boolean;
  hand: number;
  talking: boolean;
  quality: Quality;
  reconnecting: boolean;
  pinned: boolean;
  moderates: boolean;
  session: RoomSession;
  view: CallView;
}

const Row = memo(function Row(props: RowProps) {
  const { tileKey, peerId, name, local, muted, cameraOff, sharing, hand, talking, quality, reconnecting, pinned, moderates } = props;
  const { session, view } = props;
  const t = useT();
  return (
    <li
      className="person"
      data-testid="person"
      data-peer-id={peerId}
      data-muted={muted}
      data-camera={cameraOff ? "off" : "on"}
      data-sharing={sharing}
      data-hand={hand}
      data-talking={talking}
    >
      <Avatar name={name} hue={hueOf(name)} />
      <div className="person-text">
        <p className="person-name" title={name}>
          {local ? t.nameYou(name) : name}
        </p>
        <p className="person-state">
          {reconnecting ? (
            t.reconnecting
          ) : (
            <>
              <Mark label={muted ? t.muted : t.micOnMark} off={muted}>
                {muted ? <MicOffIcon /> : <MicIcon />}
              </Mark>
              <Mark label={cameraOff ? t.cameraOffMark : t.cameraOnMark} off={cameraOff}>
                {cameraOff ? <CameraOffIcon /> : <CameraIcon />}
              </Mark>
              {sharing && (
                <Mark label={t.sharesMark}>
                  <ScreenIcon />
                </Mark>
              )}
              <Bars quality={quality} />
            </>
          )}
        </p>
      </div>
      {hand > 0 && (
        <span className="person-hand" role="img" aria-label={t.handRaised(hand)} title={t.handRaised(hand)}>
          <HandIcon />
          {hand}
        </span>
      )}
      <div className="person-tools" role="group" aria-label={t.tileActions(name)}>
        <Tool testId="person-pin" label={pinned ? t.unpin : t.pin} on={pinned} onPress={() => view.togglePin(tileKey)}>
          <PinIcon />
        </Tool>
        {moderates && !muted && (
          <Tool testId="person-mute" label={t.mutePerson} onPress={() => session.moderation.mute(peerId)}>
            <MicOffIcon />
          </Tool>
        )}
        {moderates && (
          <Tool testId="person-remove" label={t.removePerson} onPress={() => view.askToRemove(peerId)}>
            <RemoveIcon />
          </Tool>
        )}
      </div>
    </li>
  );
});

function Mark({ label, off = false, children }: { label: string; off?: boolean; children: React.ReactNode }) {
  return (
    <span className="person-mark" role="img" aria-label={label} title={label} data-off={off}>
      {children}
    </span>
  );
}

interface ToolProps {
  testId: string;
  label: string;
  on?: boolean;
  onPress: () => void;
  children: React.ReactNode;
}

function Tool({ testId, label, on, onPress, children }: ToolProps) {
  return (
    <button type="button" className="icon-button person-tool" data-testid={testId} aria-label={label} title={label} aria-pressed={on} onClick={onPress}>
      {children}
    </button>
  );
}
