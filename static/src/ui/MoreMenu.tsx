import type { ReactNode } from "react";

import { useT } from "../i18n/index.ts";
import { useStore } from "../lib/store.ts";
import type { RoomSession } from "../room/session.ts";
import { CopyLink } from "./CopyLink.tsx";
import {
  FullScreenIcon,
  GridIcon,
  HandIcon,
  KeyboardIcon,
  LockIcon,
  MoreIcon,
  PeopleIcon,
  SettingsIcon,
  SpeakerViewIcon,
  StatsIcon,
} from "./icons.tsx";
import { Popover } from "./Popover.tsx";
import { ReactionRow } from "./Reactions.tsx";
import type { CallView } from "./view.ts";
import { toggleFullScreen } from "./windows.ts";

/** What has no place in the bar; on a phone also what has one on a desk. */
export function MoreMenu({ session, view }: { session: RoomSession; view: CallView }) {
  const t = useT();
  const { mode } = useStore(view.store);
  const { handRaisedAt, moderator, locked } = useStore(session.store);
  const speaker = mode === "speaker";
  return (
    <Popover label={t.moreOptions} testId="more" className="control" icon={<MoreIcon />}>
      {(close) => (
        <div className="menu">
          <div className="menu-phone">
            <ReactionRow session={session} onDone={close} />
            <Entry testId="menu-hand" icon={<HandIcon />} label={handRaisedAt === null ? t.raiseHand : t.lowerHand} onPress={() => session.toggleHand()} close={close} />
            <CopyLink roomName={session.roomName} className="menu-entry" testId="menu-link" />
          </div>
          <Entry
            testId="menu-view"
            icon={speaker ? <GridIcon /> : <SpeakerViewIcon />}
            label={speaker ? t.gridView : t.speakerView}
            onPress={() => view.toggleMode()}
            close={close}
          />
          {document.fullscreenEnabled && (
            <Entry
              testId="menu-full"
              icon={<FullScreenIcon />}
              label={document.fullscreenElement ? t.exitFullScreen : t.fullScreen}
              onPress={() => void toggleFullScreen(document.documentElement)}
              close={close}
            />
          )}
          <Entry testId="menu-people" icon={<PeopleIcon />} label={t.people} onPress={() => session.togglePanel("people")} close={close} />
          {moderator && (
            <Entry
              testId="menu-lock"
              icon={<LockIcon />}
              label={locked ? t.unlockRoom : t.lockRoom}
              onPress={() => session.moderation.toggleLock()}
              close={close}
            />
          )}
          <Entry testId="menu-stats" icon={<StatsIcon />} label={t.statistics} onPress={() => toggleAllStats(view)} close={close} />
          <Entry testId="menu-settings" icon={<SettingsIcon />} label={t.settings} onPress={() => view.show("settings")} close={close} />
          <Entry testId="menu-shortcuts" icon={<KeyboardIcon />} label={t.shortcuts} onPress={() => view.show("shortcuts")} close={close} />
        </div>
      )}
    </Popover>
  );
}

interface EntryProps {
  testId: string;
  icon: ReactNode;
  label: string;
  onPress: () => void;
  close: () => void;
}

function Entry({ testId, icon, label, onPress, close }: EntryProps) {
  return (
    <button
      type="button"
      className="menu-entry"
      data-testid={testId}
      onClick={() => {
        close();
        onPress();
      }}
    >
      {icon}
      <span>{label}</span>
    </button>
  );
}

/** Figures on every tile that is on the screen, or on none. */
function toggleAllStats(view: CallView): void {
  const tiles = [...document.querySelectorAll<HTMLElement>("[data-tile]")].flatMap((tile) => tile.dataset["tile"] ?? []);
  const shown = view.store.get().statsOf;
  for (const key of shown.size > 0 ? shown : tiles) view.toggleStats(key);
}
