import { useEffect, useId, useState } from "react";

import { useT } from "../i18n/index.ts";
import { useStore } from "../lib/store.ts";
import { canChooseSpeaker, chooseSpeaker, deviceList, followDevices, listDevices, speaker, type DeviceKind } from "../media/deviceList.ts";
import type { LocalMedia } from "../media/localMedia.ts";

/** A labelled list of devices of one kind; choosing takes effect at once. */
export function DeviceSelect({ media, kind }: { media: LocalMedia; kind: DeviceKind }) {
  const t = useT();
  const id = useId();
  const found = useStore(deviceList)[kind];
  const { audio, video } = useStore(media.store);
  const through = useStore(speaker);
  const [, redraw] = useState(0);
  const input = kind === "videoinput" ? "video" : "audio";
  const track = input === "audio" ? audio.track : video.track;

  useEffect(followDevices, []);
  // Names come with the permission.
  useEffect(() => void listDevices(), [track]);

  if (kind === "audiooutput" && !canChooseSpeaker()) return null;
  const name = { audioinput: t.microphone, videoinput: t.camera, audiooutput: t.speaker }[kind];
  const wanted = kind === "audiooutput" ? through : media.chosen(input);
  const value = found.some((device) => device.id === wanted) ? wanted : "";
  const choose = (chosen: string) => {
    if (kind === "audiooutput") chooseSpeaker(chosen);
    else void media.choose(input, chosen);
    redraw((count) => count + 1);
  };
  return (
    <div className="choice">
      <label className="label" htmlFor={id}>
        {name}
      </label>
      <select
        id={id}
        className="field select"
        data-testid={`device-${kind}`}
        value={value}
        disabled={found.length === 0}
        onChange={(event) => choose(event.target.value)}
      >
        <option value="">{found.length === 0 ? t.noDevices : t.systemDefault}</option>
        {found.map((device, index) => (
          <option key={device.id} value={device.id}>
            {device.label || t.nthDevice(name, index + 1)}
          </option>
        ))}
      </select>
    </div>
  );
}
