import type { CSSProperties, ReactNode } from "react";

import { hueOf } from "../lib/people.ts";
import { Avatar } from "./Avatar.tsx";
import { CameraOffIcon, MicOffIcon } from "./icons.tsx";
import { VideoView } from "./VideoView.tsx";

/** Silent, heard beside somebody else whose turn it is, or the one to look at. */
export type Voice = "silent" | "heard" | "leading";

export interface TileProps {
  peerId: string;
  name: string;
  kind: "camera" | "screen";
  local?: boolean;
  stream: MediaStream | null;
  muted: boolean;
  cameraOff: boolean;
  voice?: Voice;
  style: CSSProperties;
  onFirstFrame?: () => void;
}

export function Tile(props: TileProps) {
  const { peerId, name, kind, local = false, stream, muted, cameraOff, voice = "silent" } = props;
  const screen = kind === "screen";
  const title = screen ? `${name}'s screen` : local ? `${name} (you)` : name;
  return (
    <figure
      className="tile"
      style={props.style}
      data-testid="tile"
      data-peer-id={peerId}
      data-kind={kind}
      data-local={local}
      data-muted={muted}
      data-camera={cameraOff ? "off" : "on"}
      data-speaking={voice !== "silent" && !muted}
      data-leading={voice === "leading" && !muted}
      data-hue={hueOf(name)}
    >
      {!screen && <Avatar name={name} hue={hueOf(name)} />}
      {stream && !cameraOff && (
        <VideoView
          stream={stream}
          label={`Picture of ${title}`}
          mirrored={local && !screen}
          fit={screen ? "contain" : "cover"}
          onFirstFrame={props.onFirstFrame}
        />
      )}
      <figcaption className="tile-caption">
        {muted && !screen && (
          <Badge label="muted">
            <MicOffIcon />
          </Badge>
        )}
        {cameraOff && !screen && (
          <Badge label="camera off">
            <CameraOffIcon />
          </Badge>
        )}
        <span className="tile-name" title={title}>
          {title}
        </span>
      </figcaption>
    </figure>
  );
}

function Badge({ label, children }: { label: string; children: ReactNode }) {
  return (
    <span className="tile-badge" role="img" aria-label={label} title={label}>
      {children}
    </span>
  );
}
