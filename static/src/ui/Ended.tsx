import type { RoomSession } from "../room/session.ts";
import { goHome } from "../routes/router.ts";
import { PageHeader } from "./PageHeader.tsx";

export function Ended({ session, closed }: { session: RoomSession; closed: boolean }) {
  return (
    <div className="ended">
      <PageHeader />
      <main className="ended-main">
        <h1>{closed ? "The call was ended" : "You left the call"}</h1>
        <p>{closed ? "The server closed this room or put you out of it." : "The others may still be talking in"}</p>
        {!closed && <p className="ended-room">{session.roomName}</p>}
        <div className="ended-actions">
          <button type="button" className="button primary large" data-testid="rejoin" onClick={() => void session.rejoin()}>
            Rejoin
          </button>
          <button type="button" className="button large" onClick={goHome}>
            To the first page
          </button>
        </div>
      </main>
    </div>
  );
}
