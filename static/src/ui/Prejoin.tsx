import { useMemo, useState, type FormEvent } from "react";

import { hueOf } from "../lib/people.ts";
import { useStore } from "../lib/store.ts";
import type { MediaProblem } from "../media/devices.ts";
import type { RoomSession } from "../room/session.ts";
import type { Kind } from "../signaling/messages.ts";
import { Avatar } from "./Avatar.tsx";
import { CopyLink } from "./CopyLink.tsx";
import { DeviceButton } from "./DeviceButton.tsx";
import { useShortcuts, useTrackStream } from "./hooks.ts";
import { WarningIcon } from "./icons.tsx";
import { MicMeter } from "./MicMeter.tsx";
import { PageHeader } from "./PageHeader.tsx";
import { VideoView } from "./VideoView.tsx";

const NAME_LENGTH = 40;

interface Props {
  session: RoomSession;
  initialName: string;
  onJoin: (displayName: string) => void;
}

export function Prejoin({ session, initialName, onJoin }: Props) {
  const { phase, online, error } = useStore(session.store);
  const { audio, video } = useStore(session.media.store);
  const [name, setName] = useState(initialName);
  const stream = useTrackStream(video.track);
  const joining = phase === "joining";
  const { media } = session;
  useShortcuts(useMemo(() => ({ m: () => media.toggle("audio"), v: () => media.toggle("video") }), [media]));

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!joining) onJoin(name.trim());
  };

  return (
    <div className="prejoin">
      <PageHeader />
      <main className="prejoin-main">
        <section className="preview" data-hue={hueOf(name)} aria-label="Your preview">
          <Avatar name={name} hue={hueOf(name)} />
          {video.on && stream && <VideoView stream={stream} label="Your camera" mirrored />}
          <p className="preview-note">
            {video.pending ? "Waiting for your camera" : !video.on || !video.track ? "Camera is off" : null}
          </p>
          <MicMeter track={audio.on ? audio.track : null} />
          <div className="preview-controls" role="group" aria-label="Microphone and camera">
            <DeviceButton media={media} kind="audio" />
            <DeviceButton media={media} kind="video" />
          </div>
        </section>

        <section className="ticket">
          <div>
            <p className="ticket-kicker">You are about to join</p>
            <h1 className="ticket-room">{session.roomName}</h1>
          </div>
          <form className="ticket-form" onSubmit={submit}>
            <label className="label" htmlFor="display-name">
              Your name
            </label>
            <input
              id="display-name"
              className="field"
              data-testid="display-name"
              placeholder="What others call you"
              autoComplete="name"
              maxLength={NAME_LENGTH}
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
            <button type="submit" className="button primary large" data-testid="join" disabled={joining}>
              {joining ? "Joining…" : "Join"}
            </button>
            <CopyLink roomName={session.roomName} className="button quiet" />
          </form>
          <div className="ticket-notes" aria-live="polite">
            {error && <Note title="Joining did not work" text={error} tone="bad" />}
            {online === false && !error && (
              <Note title="Looking for the call server" text="It does not answer yet. We keep trying." tone="bad" />
            )}
            <Problem session={session} kind="audio" problem={audio.problem} />
            {video.problem?.code !== "insecure" && (
              <Problem session={session} kind="video" problem={video.problem} />
            )}
            {audio.pending && (
              <Note title="May we use your devices?" text="Your browser asks for the microphone and camera." />
            )}
          </div>
        </section>
      </main>
    </div>
  );
}

function Problem({ session, kind, problem }: { session: RoomSession; kind: Kind; problem: MediaProblem | null }) {
  if (!problem) return null;
  return (
    <Note title={problem.title} text={`${problem.advice} You can join without.`} tone="warn">
      {problem.code !== "insecure" && (
        <button type="button" className="link" onClick={() => void session.media.turnOn(kind)}>
          Try again
        </button>
      )}
    </Note>
  );
}

interface NoteProps {
  title: string;
  text: string;
  tone?: "plain" | "warn" | "bad";
  children?: React.ReactNode;
}

function Note({ title, text, tone = "plain", children }: NoteProps) {
  return (
    <div className="note" data-tone={tone}>
      {tone !== "plain" && <WarningIcon />}
      <div>
        <strong>{title}</strong>
        <p>{text}</p>
        {children}
      </div>
    </div>
  );
}
