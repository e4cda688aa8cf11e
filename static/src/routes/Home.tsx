import { useEffect, useState, type FormEvent } from "react";

import { makeRoomName, readRoomName } from "../lib/roomName.ts";
import { HomeArt } from "../ui/HomeArt.tsx";
import { Logo, PlusIcon } from "../ui/icons.tsx";
import { goToRoom } from "./router.ts";

export function Home() {
  const [typed, setTyped] = useState("");
  const name = readRoomName(typed);

  useEffect(() => {
    document.title = "rtpfwd: video calls on your own server";
  }, []);

  const newRoom = () => goToRoom(makeRoomName((into) => crypto.getRandomValues(into)));
  const joinRoom = (event: FormEvent) => {
    event.preventDefault();
    if (name) goToRoom(name);
  };

  return (
    <div className="home">
      <header className="home-header">
        <Logo wordmark />
      </header>
      <main className="home-main">
        <section className="home-pitch">
          <h1>
            Face to face, on a server of <em>your own</em>.
          </h1>
          <p className="home-lead">
            Open a room, share its link, talk. Nobody needs an account and nobody needs to install anything.
          </p>
          <div className="home-actions">
            <button type="button" className="button primary large" data-testid="new-room" onClick={newRoom}>
              <PlusIcon />
              New room
            </button>
            <span className="home-or" aria-hidden="true">
              or
            </span>
            <form className="home-join" onSubmit={joinRoom}>
              <input
                className="field"
                data-testid="room-name"
                aria-label="Room name or link"
                placeholder="Room name or link"
                autoComplete="off"
                autoCapitalize="none"
                spellCheck={false}
                value={typed}
                onChange={(event) => setTyped(event.target.value)}
              />
              <button type="submit" className="button" data-testid="join-room" disabled={!name}>
                Join room
              </button>
            </form>
          </div>
        </section>
        <HomeArt />
      </main>
      <section className="home-facts" aria-label="What to expect">
        <div>
          <h2>Sharp where it counts</h2>
          <p>Your picture is passed on just as your camera made it, never decoded and squeezed again on the way.</p>
        </div>
        <div>
          <h2>Calls that hold on</h2>
          <p>A lost connection is picked up again where it broke off, with the same people in the same room.</p>
        </div>
        <div>
          <h2>No third party</h2>
          <p>Sound and picture travel encrypted between you and the one server that runs this page.</p>
        </div>
      </section>
    </div>
  );
}
