import { useMemo, useState, type FormEvent } from "react";

import { useT } from "../i18n/index.ts";
import { hueOf } from "../lib/people.ts";
import { useStore } from "../lib/store.ts";
import type { MediaProblem } from "../media/devices.ts";
import type { RoomSession } from "../room/session.ts";
import type { Kind } from "../signaling/messages.ts";
import { Avatar } from "./Avatar.tsx";
import { CopyLink } from "./CopyLink.tsx";
import { DeviceButton } from "./DeviceButton.tsx";
import { DeviceSelect } from "./DeviceSelect.tsx";
import { useShortcuts, useTrackStream } from "./hooks.ts";
import { WarningIcon } from "./icons.tsx";
import { MicMeter } from "./MicMeter.tsx";
import { PageHeader } from "./PageHeader.tsx";
import { NAME_LENGTH } from "./Settings.tsx";
import { SpeakerTest } from "./SpeakerTest.tsx";
import { VideoView } from "./VideoView.tsx";

interface Props {
  session: RoomSession;
  initialName: string;
  onJoin: (displayName: string) => void;
}

export function Prejoin({ session, initialName, onJoin }: Props) {
  const t = useT();
  const { phase, online, error, draining } = useStore(session.store);
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
        <div className="preview-side">
        <section className="preview" data-hue={hueOf(name)} aria-label={t.preview}>
          <Avatar name={name} hue={hueOf(name)} />
          {video.on && stream && <VideoView stream={stream} label={t.yourCamera} mirrored />}
          <p className="preview-note">
            {video.pending ? t.waitingForCamera : !video.on || !video.track ? t.cameraIsOff : null}
          </p>
          <MicMeter track={audio.on ? audio.track : null} />
          <div className="preview-controls" role="group" aria-label={t.micAndCamera}>
            <DeviceButton media={media} kind="audio" />
            <DeviceButton media={media} kind="video" />
          </div>
        </section>
        <div className="preview-devices">
          <DeviceSelect media={media} kind="audioinput" />
          <DeviceSelect media={media} kind="videoinput" />
          <DeviceSelect media={media} kind="audiooutput" />
          <SpeakerTest />
        </div>
        </div>

        <section className="ticket">
          <div>
            <p className="ticket-kicker">{t.aboutToJoin}</p>
            <h1 className="ticket-room">{session.roomName}</h1>
          </div>
          <form className="ticket-form" onSubmit={submit}>
            <label className="label" htmlFor="display-name">
              {t.yourName}
            </label>
            <input
              id="display-name"
              className="field"
              data-testid="display-name"
              placeholder={t.namePlaceholder}
              autoComplete="name"
              maxLength={NAME_LENGTH}
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
            <button type="submit" className="button primary large" data-testid="join" disabled={joining}>
              {joining ? t.joining : t.join}
            </button>
            <CopyLink roomName={session.roomName} className="button quiet" />
          </form>
          <div className="ticket-notes" aria-live="polite">
            {error && <Note title={t.joinFailed} text={error} tone="bad" />}
            {draining && <Note title={t.serverRestartsTitle} text={t.serverRestartsText} />}
            {online === false && !error && !draining && (
              <Note title={t.serverSilent} text={t.serverSilentText} tone="bad" />
            )}
            <Problem session={session} kind="audio" problem={audio.problem} />
            {video.problem?.code !== "insecure" && (
              <Problem session={session} kind="video" problem={video.problem} />
            )}
            {audio.pending && (
              <Note title={t.devicesAsked} text={t.devicesAskedText} />
            )}
          </div>
        </section>
      </main>
    </div>
  );
}

function Problem({ session, kind, problem }: { session: RoomSession; kind: Kind; problem: MediaProblem | null }) {
  const t = useT();
  if (!problem) return null;
  return (
    <Note title={problem.title} text={`${problem.advice} ${t.joinWithout}`} tone="warn">
      {problem.code !== "insecure" && (
        <button type="button" className="link" onClick={() => void session.media.turnOn(kind)}>
          {t.tryAgain}
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
