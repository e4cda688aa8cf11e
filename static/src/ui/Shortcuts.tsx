import { useT } from "../i18n/index.ts";
import { Dialog } from "./Dialog.tsx";
import type { CallView } from "./view.ts";

/** The list of keys. What they do is in Call.tsx. */
export function Shortcuts({ view }: { view: CallView }) {
  const t = useT();
  const keys: [string, string][] = [
    ["M", `${t.mute} / ${t.unmute}`],
    [t.keySpace, t.holdToTalk],
    ["V", `${t.cameraOff} / ${t.cameraOn}`],
    ["S", t.shareScreen],
    ["C", t.openChat],
    ["U", t.people],
    ["H", `${t.raiseHand} / ${t.lowerHand}`],
    ["G", t.switchView],
    ["F", t.fullScreen],
    ["P", t.pictureInPicture],
    ["?", t.thisHelp],
  ];
  return (
    <Dialog title={t.shortcuts} testId="shortcuts-dialog" onClose={() => view.show(null)}>
      <dl className="keys">
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
