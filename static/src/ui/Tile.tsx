import { memo, useRef, type ReactNode } from "react";

import { useT } from "../i18n/index.ts";
import type { Box } from "../lib/arrange.ts";
import { hueOf } from "../lib/people.ts";
import type { RoomSession } from "../room/session.ts";
import { Avatar } from "./Avatar.tsx";
import { Bars } from "./Bars.tsx";
import { useShownSize } from "./hooks.ts";
import { CameraOffIcon, HandIcon, MicOffIcon, PinIcon } from "./icons.tsx";
import { ReactionMark } from "./Reactions.tsx";
import { StatsOverlay } from "./StatsOverlay.tsx";
import { TileTools } from "./TileTools.tsx";
import type { TileContent } from "./tiles.ts";
import { VideoView } from "./VideoView.tsx";
import { TooWeak } from "./WeakLink.tsx";
import type { CallView } from "./view.ts";

export interface TileProps extends Omit<TileContent, "key"> {
  tileKey: string;
  box: Box | null;
  session: RoomSession;
  view: CallView;
  pinned: boolean;
  stats: boolean;
  floating: boolean;
}

const SMALL = 260;
const TINY = 170;

export const Tile = memo(TileBody, (before, after) => {
  const names = Object.keys(after) as (keyof TileProps)[];
  return names.every((name) => (name === "box" ? sameBox(before.box, after.box) : Object.is(before[name], after[name])));
});

function TileBody(props: TileProps) {
  const { peerId, name, kind, local, stream, muted, cameraOff, voice, box, floating, pinned } = props;
  const t = useT();
  const ref = useRef<HTMLElement>(null);
  useShownSize(props.session, props.producerId, ref);
  const screen = kind === "screen";
  const title = screen ? (local ? t.yourScreen : t.screenOf(name)) : local ? t.nameYou(name) : name;
  const width = box?.width ?? 0;
  return (
    <figure
      ref={ref}
      className="tile"
      style={box ?? undefined}
      data-testid="tile"
      data-tile={props.tileKey}
      data-peer-id={peerId}
      data-kind={kind}
      data-local={local}
      data-muted={muted}
      data-camera={cameraOff ? "off" : "on"}
      data-speaking={voice !== "silent" && !muted}
      data-leading={voice === "leading" && !muted}
      data-reconnecting={props.reconnecting}
      data-starved={props.starved}
      data-quality={props.quality}
      data-hand={props.hand > 0}
      data-pinned={pinned}
      data-floating={floating}
      data-size={width < TINY ? "tiny" : width < SMALL ? "small" : "large"}
      data-hue={hueOf(name)}
    >
      {!screen && <Avatar name={name} hue={hueOf(name)} />}
      {stream && !cameraOff && (
        <VideoView
          stream={stream}
          label={t.pictureOf(title)}
          mirrored={local && !screen}
          fit={screen ? "contain" : "cover"}
          onFirstFrame={props.onFirstFrame}
        />
      )}
      {props.reconnecting && (
        <p className="tile-away" data-testid="tile-reconnecting">
          <span className="spinner" aria-hidden="true" />
          <span>{t.reconnecting}</span>
        </p>
      )}
      {props.starved && stream && !cameraOff && <TooWeak />}
      {props.hand > 0 && (
        <span className="tile-hand" role="img" aria-label={t.handRaised(props.hand)} title={t.handRaised(props.hand)}>
          <HandIcon />
          {props.hand > 1 && <span>{props.hand}</span>}
        </span>
      )}
      <span className="tile-reactions" aria-hidden="true">
        {props.reactions.map((one) => (
          <ReactionMark key={one.key} name={one.name} />
        ))}
      </span>
      {screen && local && (
        <p className="tile-sharing">
          <span>{t.youShare}</span>
          <button type="button" className="button primary" data-testid="stop-sharing" onClick={() => void props.session.toggleScreen()}>
            {t.stopSharing}
          </button>
        </p>
      )}
      <TileTools tile={props} title={title} element={ref} />
      {props.stats && <StatsOverlay session={props.session} tileKey={props.tileKey} title={title} layers={props.layers} />}
      <figcaption className="tile-caption">
        {pinned && (
          <span className="tile-badge plain" aria-hidden="true">
            <PinIcon />
          </span>
        )}
        {muted && !screen && (
          <Badge label={t.muted}>
            <MicOffIcon />
          </Badge>
        )}
        {cameraOff && !screen && (
          <Badge label={t.cameraOffMark}>
            <CameraOffIcon />
          </Badge>
        )}
        <span className="tile-name" title={title}>
          {title}
        </span>
        <Bars quality={props.quality} />
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

function sameBox(a: Box | null, b: Box | null): boolean {
  if (a === null || b === null) return a === b;
  return a.left === b.left && a.top === b.top && a.width === b.width && a.height === b.height;
}
