import { useT } from "../i18n/index.ts";
import { useStore } from "../lib/store.ts";
import type { RoomSession } from "../room/session.ts";
import { Dialog } from "./Dialog.tsx";
import type { CallView } from "./view.ts";

/** Asked before somebody is put out: it cannot be taken back. Gone when they left by themselves. */
export function RemoveDialog({ session, view, peerId }: { session: RoomSession; view: CallView; peerId: string }) {
  const t = useT();
  const peer = useStore(session.store).peers.find(({ id }) => id === peerId);
  const close = () => view.askToRemove(null);
  if (!peer) return null;
  return (
    <Dialog title={t.removeTitle(peer.displayName)} testId="remove-dialog" onClose={close}>
      <p className="dialog-text">{t.removeText}</p>
      <div className="dialog-buttons">
        <button type="button" className="button" data-testid="remove-cancel" onClick={close}>
          {t.cancel}
        </button>
        <button
          type="button"
          className="button danger"
          data-testid="remove-confirm"
          onClick={() => {
            close();
            session.moderation.remove(peerId);
          }}
        >
          {t.remove}
        </button>
      </div>
    </Dialog>
  );
}
