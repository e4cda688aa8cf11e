import { useT } from "../i18n/index.ts";
import type { RoomSession } from "../room/session.ts";
import { REACTIONS, type ReactionName } from "../signaling/messages.ts";
import { SmileIcon } from "./icons.tsx";
import { Popover } from "./Popover.tsx";
import { ReactionArt } from "./reactionArt.tsx";

export function ReactionMark({ name }: { name: ReactionName }) {
  return (
    <span className="reaction">
      <ReactionArt name={name} />
    </span>
  );
}

export function ReactionButton({ session }: { session: RoomSession }) {
  const t = useT();
  return (
    <Popover label={t.react} testId="react" className="control optional" icon={<SmileIcon />}>
      {(close) => <ReactionRow session={session} onDone={close} />}
    </Popover>
  );
}

export function ReactionRow({ session, onDone }: { session: RoomSession; onDone: () => void }) {
  const t = useT();
  return (
    <div className="reaction-row" role="group" aria-label={t.react}>
      {REACTIONS.map((name) => (
        <button
          key={name}
          type="button"
          className="reaction-button"
          data-testid={`react-${name}`}
          aria-label={t.reactions[name]}
          title={t.reactions[name]}
          onClick={() => {
            void session.react(name);
            onDone();
          }}
        >
          <ReactionArt name={name} />
        </button>
      ))}
    </div>
  );
}
