import { useStore } from "../lib/store.ts";
import type { LocalMedia } from "../media/localMedia.ts";
import type { Kind } from "../signaling/messages.ts";
import { CameraIcon, CameraOffIcon, MicIcon, MicOffIcon } from "./icons.tsx";

const WORDS = {
  audio: { off: "Mute", on: "Unmute", key: "M", testid: "mute" },
  video: { off: "Turn camera off", on: "Turn camera on", key: "V", testid: "camera" },
};

/** Mute or camera switch, the same on the preview and in the call. */
export function DeviceButton({ media, kind }: { media: LocalMedia; kind: Kind }) {
  const { on, track, pending, problem } = useStore(media.store)[kind];
  const working = on && (track !== null || pending);
  const words = WORDS[kind];
  const label = working ? words.off : words.on;
  const OnIcon = kind === "audio" ? MicIcon : CameraIcon;
  const OffIcon = kind === "audio" ? MicOffIcon : CameraOffIcon;
  return (
    <button
      type="button"
      className="control"
      data-testid={words.testid}
      data-kind={kind}
      data-off={!working}
      data-problem={problem !== null}
      data-pending={pending}
      aria-pressed={!working}
      aria-label={label}
      title={`${problem ? `${problem.title}. ` : ""}${label} (${words.key})`}
      onClick={() => media.toggle(kind)}
    >
      {working ? <OnIcon /> : <OffIcon />}
    </button>
  );
}
