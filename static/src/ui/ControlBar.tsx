import { useStore } from "../lib/store.ts";
import type { RoomSession } from "../room/session.ts";
import { CopyLink } from "./CopyLink.tsx";
import { DeviceButton } from "./DeviceButton.tsx";
import { ChatIcon, LeaveIcon } from "./icons.tsx";

export function ControlBar({ session }: { session: RoomSession }) {
  const { chatOpen, unread } = useStore(session.store);
  const chatLabel = unread > 0 ? `Chat, ${unread} unread` : "Chat";
  return (
    <footer className="controls" role="toolbar" aria-label="Call controls">
      <DeviceButton media={session.media} kind="audio" />
      <DeviceButton media={session.media} kind="video" />
      <span className="controls-gap" />
      <button
        type="button"
        className="control"
        data-testid="chat-toggle"
        aria-expanded={chatOpen}
        aria-label={chatLabel}
        title={chatLabel}
        onClick={() => session.setChatOpen(!chatOpen)}
      >
        <ChatIcon />
        {unread > 0 && <span className="control-count">{unread > 9 ? "9+" : unread}</span>}
      </button>
      <CopyLink roomName={session.roomName} className="control" compact />
      <span className="controls-gap" />
      <button
        type="button"
        className="control leave"
        data-testid="leave"
        aria-label="Leave the call"
        title="Leave the call"
        onClick={() => session.leave()}
      >
        <LeaveIcon />
        <span className="control-word">Leave</span>
      </button>
    </footer>
  );
}
