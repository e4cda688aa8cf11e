import { useT } from "../i18n/index.ts";
import { useStore } from "../lib/store.ts";
import { ScreenShare } from "../media/screenShare.ts";
import type { RoomSession } from "../room/session.ts";
import { CopyLink } from "./CopyLink.tsx";
import { DeviceControl } from "./DeviceButton.tsx";
import { ChatIcon, HandIcon, LeaveIcon, ScreenIcon } from "./icons.tsx";
import { MoreMenu } from "./MoreMenu.tsx";
import { ReactionButton } from "./Reactions.tsx";
import type { CallView } from "./view.ts";

export function ControlBar({ session, view }: { session: RoomSession; view: CallView }) {
  const t = useT();
  const { panel, unread, handRaisedAt } = useStore(session.store);
  const { video: screen, pending } = useStore(session.screen.store);
  const chatLabel = unread > 0 ? t.chatUnread(unread) : t.chat;
  const raised = handRaisedAt !== null;
  const shareLabel = screen ? t.stopSharing : t.shareScreen;
  return (
    <div className="controls" role="group" aria-label={t.callControls}>
      <DeviceControl media={session.media} kind="audio" />
      <DeviceControl media={session.media} kind="video" />
      {ScreenShare.supported && (
        <button
          type="button"
          className="control optional"
          data-testid="share"
          data-done={screen !== null}
          data-pending={pending}
          aria-label={shareLabel}
          title={`${shareLabel} (S)`}
          onClick={() => void session.toggleScreen()}
        >
          <ScreenIcon />
        </button>
      )}
      <button
        type="button"
        className="control optional"
        data-testid="hand"
        data-done={raised}
        aria-label={t.raiseHand}
        aria-pressed={raised}
        title={`${raised ? t.lowerHand : t.raiseHand} (H)`}
        onClick={() => session.toggleHand()}
      >
        <HandIcon />
      </button>
      <ReactionButton session={session} />
      <button
        type="button"
        className="control"
        data-testid="chat-toggle"
        aria-expanded={panel === "chat"}
        aria-label={chatLabel}
        title={`${chatLabel} (C)`}
        onClick={() => session.togglePanel("chat")}
      >
        <ChatIcon />
        {unread > 0 && <span className="control-count">{unread > 9 ? "9+" : unread}</span>}
      </button>
      <CopyLink roomName={session.roomName} className="control optional" compact />
      <MoreMenu session={session} view={view} />
      <button
        type="button"
        className="control leave"
        data-testid="leave"
        aria-label={t.leaveLabel}
        title={t.leaveLabel}
        onClick={() => session.leave()}
      >
        <LeaveIcon />
        <span className="control-word">{t.leave}</span>
      </button>
    </div>
  );
}
