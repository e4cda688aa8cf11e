import { useT } from "../i18n/index.ts";
import { useStore } from "../lib/store.ts";
import type { LocalMedia } from "../media/localMedia.ts";
import type { Kind } from "../signaling/messages.ts";
import { DeviceSelect } from "./DeviceSelect.tsx";
import { CameraIcon, CameraOffIcon, MicIcon, MicOffIcon, UpIcon } from "./icons.tsx";
import { Popover } from "./Popover.tsx";

const KEYS = { audio: { key: "M", testid: "mute" }, video: { key: "V", testid: "camera" } };

/** Mute or camera switch, the same on the preview and in the call. */
export function DeviceButton({ media, kind }: { media: LocalMedia; kind: Kind }) {
  const t = useT();
  const { on, track, pending, problem } = useStore(media.store)[kind];
  const working = on && (track !== null || pending);
  const words = kind === "audio" ? { off: t.mute, on: t.unmute } : { off: t.cameraOff, on: t.cameraOn };
  const label = working ? words.off : words.on;
  const OnIcon = kind === "audio" ? MicIcon : CameraIcon;
  const OffIcon = kind === "audio" ? MicOffIcon : CameraOffIcon;
  return (
    <button
      type="button"
      className="control"
      data-testid={KEYS[kind].testid}
      data-kind={kind}
      data-off={!working}
      data-problem={problem !== null}
      data-pending={pending}
      aria-label={label}
      title={`${problem ? `${problem.title}. ${problem.advice} ` : ""}${label} (${KEYS[kind].key})`}
      onClick={() => media.toggle(kind)}
    >
      {working ? <OnIcon /> : <OffIcon />}
    </button>
  );
}

/** The switch and, behind a small arrow, the choice of device. */
export function DeviceControl({ media, kind }: { media: LocalMedia; kind: Kind }) {
  const t = useT();
  const label = kind === "audio" ? t.chooseMicrophone : t.chooseCamera;
  return (
    <div className="control-pair">
      <DeviceButton media={media} kind={kind} />
      <Popover label={label} testId={`choose-${kind}`} className="control-arrow" icon={<UpIcon />}>
        {() => (
          <div className="popover-form">
            <DeviceSelect media={media} kind={kind === "audio" ? "audioinput" : "videoinput"} />
            {kind === "audio" && <DeviceSelect media={media} kind="audiooutput" />}
          </div>
        )}
      </Popover>
    </div>
  );
}
