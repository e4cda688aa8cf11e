import { useEffect, useState } from "react";

import { useT } from "../i18n/index.ts";
import { useStore } from "../lib/store.ts";
import type { RoomSession } from "../room/session.ts";
import type { Toast } from "../room/state.ts";

export function Toasts({ toasts }: { toasts: readonly Toast[] }) {
  // Of what just happens the last is enough; what went wrong stays for its time.
  const lastPlain = toasts.findLast(({ tone }) => tone === "plain");
  const shown = toasts.filter((toast) => toast.tone === "bad" || toast === lastPlain);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map(({ key, text, tone }) => (
        <p key={key} className="toast" data-tone={tone}>
          {text}
        </p>
      ))}
    </div>
  );
}

/** Above the tiles, for as long as something about the call itself is wrong. */
export function Banner({ session }: { session: RoomSession }) {
  const t = useT();
  const { online, draining } = useStore(session.store);
  if (online === false) return <Waiting testId="banner" text={draining ? t.serverRestarts : t.connectionLost} />;
  if (!draining) return null;
  return draining.at === null ? <Waiting testId="draining" text={t.serverRestarts} /> : <Countdown at={draining.at} />;
}

function Waiting({ testId, text }: { testId: string; text: string }) {
  return (
    <div className="banner" role="alert" data-testid={testId}>
      <span className="spinner" aria-hidden="true" />
      {text}
    </div>
  );
}

/** The server says when it stops. Read out once, not every second. */
function Countdown({ at }: { at: number }) {
  const t = useT();
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.max(0, Math.ceil((at - now) / 1000));
  const left = seconds < 100 ? t.seconds(seconds) : t.minutes(Math.round(seconds / 60));
  return (
    <div className="banner" role="status" data-testid="draining">
      {t.serverStops}
      <span className="banner-time" aria-hidden="true">
        {left}
      </span>
    </div>
  );
}
