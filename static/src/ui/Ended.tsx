import { useT } from "../i18n/index.ts";
import type { RoomSession } from "../room/session.ts";
import { goHome } from "../routes/router.ts";
import { PageHeader } from "./PageHeader.tsx";

export function Ended({ session, closed }: { session: RoomSession; closed: boolean }) {
  const t = useT();
  return (
    <div className="ended">
      <PageHeader />
      <main className="ended-main">
        <h1>{closed ? t.callEnded : t.youLeft}</h1>
        <p>{closed ? t.callEndedText : t.othersStillIn}</p>
        {!closed && <p className="ended-room">{session.roomName}</p>}
        <div className="ended-actions">
          <button type="button" className="button primary large" data-testid="rejoin" onClick={() => void session.rejoin()}>
            {t.rejoin}
          </button>
          <button type="button" className="button large" onClick={goHome}>
            {t.backToStart}
          </button>
        </div>
      </main>
    </div>
  );
}
