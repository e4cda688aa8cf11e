import { useEffect, useRef } from "react";

import { useT } from "../i18n/index.ts";
import { useStore } from "../lib/store.ts";
import { playThrough, speaker } from "../media/deviceList.ts";
import type { RoomSession } from "../room/session.ts";
import { SoundIcon } from "./icons.tsx";

/** One hidden audio element for each audio consumer, and a button for browsers that want a click first. */
export function AudioSinks({ session }: { session: RoomSession }) {
  const t = useT();
  const { peers, soundBlocked } = useStore(session.store);
  const box = useRef<HTMLDivElement>(null);

  const playAll = () => {
    const elements = [...(box.current?.querySelectorAll("audio") ?? [])];
    Promise.all(elements.map((element) => element.play())).then(
      () => session.setSoundBlocked(false),
      () => session.setSoundBlocked(true),
    );
  };

  return (
    <>
      <div ref={box} hidden>
        {peers.flatMap((peer) =>
          peer.media.map(
            ({ kind, consumerId, stream }) =>
              kind === "audio" &&
              consumerId &&
              stream && (
                <Sink
                  key={consumerId}
                  stream={stream}
                  peerId={peer.id}
                  onBlocked={() => session.setSoundBlocked(true)}
                />
              ),
          ),
        )}
      </div>
      {soundBlocked && (
        <button type="button" className="button primary sound-button" data-testid="hear" onClick={playAll}>
          <SoundIcon />
          {t.clickToHear}
        </button>
      )}
    </>
  );
}

function Sink({ stream, peerId, onBlocked }: { stream: MediaStream; peerId: string; onBlocked: () => void }) {
  const ref = useRef<HTMLAudioElement>(null);
  const through = useStore(speaker);
  const blocked = useRef(onBlocked);
  blocked.current = onBlocked;

  useEffect(() => {
    const audio = ref.current;
    if (!audio) return undefined;
    audio.srcObject = stream;
    audio.play().catch((error: unknown) => {
      if (error instanceof Error && error.name === "NotAllowedError") blocked.current();
    });
    return () => {
      audio.srcObject = null;
    };
  }, [stream]);

  useEffect(() => {
    if (ref.current) playThrough(ref.current, through);
  }, [through, stream]);

  return <audio ref={ref} autoPlay data-peer-id={peerId} data-kind="audio" />;
}
