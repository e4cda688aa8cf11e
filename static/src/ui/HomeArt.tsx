/** The picture on the first page: a small call, drawn with the same parts as the real one. */

import { CameraIcon, ChatIcon, LeaveIcon, MicIcon, MicOffIcon } from "./icons.tsx";
import { Avatar } from "./Avatar.tsx";

const CAST = [
  { name: "Ines Duarte", hue: 0, speaking: true, muted: false },
  { name: "Tom Aker", hue: 5, speaking: false, muted: false },
  { name: "Mei Lin", hue: 3, speaking: false, muted: true },
  { name: "Sam Okoro", hue: 6, speaking: false, muted: false },
];

export function HomeArt() {
  return (
    <div className="art" aria-hidden="true">
      <div className="art-grid">
        {CAST.map(({ name, hue, speaking, muted }) => (
          <div key={name} className="art-tile" data-hue={hue} data-speaking={speaking || undefined}>
            <Avatar name={name} hue={hue} />
            <span className="art-name">
              {muted && <MicOffIcon />}
              {name.split(" ")[0]}
            </span>
          </div>
        ))}
      </div>
      <div className="art-bar">
        <span>
          <MicIcon />
        </span>
        <span>
          <CameraIcon />
        </span>
        <span>
          <ChatIcon />
        </span>
        <span className="art-leave">
          <LeaveIcon />
        </span>
      </div>
    </div>
  );
}
