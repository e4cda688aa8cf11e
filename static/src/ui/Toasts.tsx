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
  const { online } = useStore(session.store);
  if (online !== false) return null;
  return (
    <div className="banner" role="alert" data-testid="banner">
      <span className="spinner" aria-hidden="true" />
      {t.connectionLost}
    </div>
  );
}
