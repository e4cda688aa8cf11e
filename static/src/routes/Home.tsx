import { useEffect, useState, type FormEvent } from "react";

import { useT } from "../i18n/index.ts";
import { makeRoomName, readRoomName } from "../lib/roomName.ts";
import { HomeArt } from "../ui/HomeArt.tsx";
import { Logo, PlusIcon } from "../ui/icons.tsx";
import { ThemeSwitch } from "../ui/ThemeSwitch.tsx";
import { goToRoom } from "./router.ts";

export function Home() {
  const t = useT();
  const [typed, setTyped] = useState("");
  const name = readRoomName(typed);

  useEffect(() => {
    document.title = t.homeTitle;
  }, [t]);

  const newRoom = () => goToRoom(makeRoomName((into) => crypto.getRandomValues(into)));
  const joinRoom = (event: FormEvent) => {
    event.preventDefault();
    if (name) goToRoom(name);
  };

  return (
    <div className="home">
      <header className="home-header">
        <Logo wordmark />
        <ThemeSwitch />
      </header>
      <main className="home-main">
        <section className="home-pitch">
          <h1>
            {t.homePitch} <em>{t.homePitchEnd}</em>.
          </h1>
          <p className="home-lead">
            {t.homeLead}
          </p>
          <div className="home-actions">
            <button type="button" className="button primary large" data-testid="new-room" onClick={newRoom}>
              <PlusIcon />
              {t.newRoom}
            </button>
            <span className="home-or" aria-hidden="true">
              {t.or}
            </span>
            <form className="home-join" onSubmit={joinRoom}>
              <input
                className="field"
                data-testid="room-name"
                aria-label={t.roomNameOrLink}
                placeholder={t.roomNameOrLink}
                autoComplete="off"
                autoCapitalize="none"
                spellCheck={false}
                value={typed}
                onChange={(event) => setTyped(event.target.value)}
              />
              <button type="submit" className="button" data-testid="join-room" disabled={!name}>
                {t.joinRoom}
              </button>
            </form>
          </div>
        </section>
        <HomeArt />
      </main>
      <section className="home-facts" aria-label={t.factsLabel}>
        <div>
          <h2>{t.factSharp}</h2>
          <p>{t.factSharpText}</p>
        </div>
        <div>
          <h2>{t.factHold}</h2>
          <p>{t.factHoldText}</p>
        </div>
        <div>
          <h2>{t.factOwn}</h2>
          <p>{t.factOwnText}</p>
        </div>
      </section>
    </div>
  );
}
