import { useState, type FormEvent, type ReactNode } from "react";

import { language, LANGUAGES, setLanguage, useT, type Language } from "../i18n/index.ts";
import { useStore } from "../lib/store.ts";
import type { RoomSession } from "../room/session.ts";
import { DeviceSelect } from "./DeviceSelect.tsx";
import { Dialog } from "./Dialog.tsx";
import { MicMeter } from "./MicMeter.tsx";
import { ThemeSwitch } from "./ThemeSwitch.tsx";
import type { CallView } from "./view.ts";

export const NAME_LENGTH = 40;

export function Settings({ session, view }: { session: RoomSession; view: CallView }) {
  const t = useT();
  const { media } = session;
  const { audio } = useStore(media.store);
  const processing = useStore(media.processing);
  const { hideSelf } = useStore(view.store);
  const current = useStore(language);
  return (
    <Dialog title={t.settings} testId="settings-dialog" onClose={() => view.show(null)}>
      <Part title={t.audio}>
        <DeviceSelect media={media} kind="audioinput" />
        <MicMeter track={audio.on ? audio.track : null} />
        <DeviceSelect media={media} kind="audiooutput" />
        {(["noiseSuppression", "echoCancellation", "autoGainControl"] as const).map((name) => (
          <Switch key={name} testId={name} label={t[name]} on={processing[name]} onChange={(on) => void media.setProcessing({ [name]: on })} />
        ))}
      </Part>
      <Part title={t.video}>
        <DeviceSelect media={media} kind="videoinput" />
        <Switch testId="hide-self" label={t.hideSelf} on={hideSelf} onChange={(on) => view.setHideSelf(on)} />
      </Part>
      <Part title={t.general}>
        <NameForm session={session} />
        <div className="choice">
          <span className="label" aria-hidden="true">
            {t.theme}
          </span>
          <ThemeSwitch />
        </div>
        <div className="choice">
          <label className="label" htmlFor="language">
            {t.languageLabel}
          </label>
          <select
            id="language"
            className="field select"
            data-testid="language"
            value={current}
            onChange={(event) => setLanguage(event.target.value as Language)}
          >
            {Object.entries(LANGUAGES).map(([code, strings]) => (
              <option key={code} value={code} lang={code}>
                {strings.language}
              </option>
            ))}
          </select>
        </div>
      </Part>
    </Dialog>
  );
}

function NameForm({ session }: { session: RoomSession }) {
  const t = useT();
  const { displayName } = useStore(session.store);
  const [name, setName] = useState(displayName);
  const wanted = name.trim();
  const save = (event: FormEvent) => {
    event.preventDefault();
    if (wanted) void session.setDisplayName(wanted);
  };
  return (
    <form className="choice" onSubmit={save}>
      <label className="label" htmlFor="new-name">
        {t.displayName}
      </label>
      <div className="choice-row">
        <input
          id="new-name"
          className="field"
          data-testid="new-name"
          autoComplete="name"
          maxLength={NAME_LENGTH}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <button type="submit" className="button" data-testid="save-name" disabled={!wanted || wanted === displayName}>
          {t.save}
        </button>
      </div>
    </form>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="dialog-part">
      <h3>{title}</h3>
      {children}
    </section>
  );
}

interface SwitchProps {
  testId: string;
  label: string;
  on: boolean;
  onChange: (on: boolean) => void;
}

function Switch({ testId, label, on, onChange }: SwitchProps) {
  return (
    <label className="switch">
      <span>{label}</span>
      <input type="checkbox" role="switch" data-testid={testId} checked={on} onChange={(event) => onChange(event.target.checked)} />
    </label>
  );
}
