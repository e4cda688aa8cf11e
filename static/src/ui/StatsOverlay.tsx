import { useEffect } from "react";

import { useT } from "../i18n/index.ts";
import { sparkline, type Figures } from "../lib/figures.ts";
import { useStore } from "../lib/store.ts";
import type { RoomSession } from "../room/session.ts";
import type { Layers } from "../signaling/messages.ts";
import { HISTORY } from "../room/statistics.ts";

const [WIDTH, HEIGHT] = [56, 16];

interface Props {
  session: RoomSession;
  tileKey: string;
  title: string;
  layers: Layers | null;
}

/** The figures of one tile over its picture, with plots of the last seconds. */
export function StatsOverlay({ session, tileKey, title, layers }: Props) {
  const t = useT();
  const all = useStore(session.statistics.store);
  useEffect(() => session.statistics.read(), [session]);
  const figures = all.get(tileKey);
  const main = figures?.video ?? figures?.audio;
  const kbps = figures?.kbps ?? [];
  const estimate = figures?.estimate.at(-1);
  const rows: { label: string; value: string; plot?: readonly number[] }[] = [
    { label: t.statResolution, value: figures?.video?.width ? `${figures.video.width}×${figures.video.height}` : "–" },
    { label: t.statFrames, value: figures?.video ? `${figures.video.framesPerSecond} fps` : "–", plot: figures?.frames },
    { label: t.statBitrate, value: main ? `${kbps.at(-1) ?? 0} kbps` : "–", plot: kbps },
    { label: t.statEstimate, value: estimate === undefined ? "–" : `${estimate} kbps`, plot: figures?.estimate },
    { label: t.statLoss, value: main ? `${main.loss.toFixed(1)} %` : "–", plot: figures?.loss },
    { label: t.statJitter, value: main ? `${main.jitterMs} ms` : "–" },
    { label: t.statRoundTrip, value: roundTrip(figures?.video, figures?.audio) },
    { label: t.statLayer, value: layers ? layerName(layers) : "–" },
    { label: t.statCodec, value: [figures?.video?.codec, figures?.audio?.codec].filter(Boolean).join(", ") || "–" },
  ];
  return (
    <dl className="stats" data-testid="stats" aria-label={t.statsOf(title)}>
      {rows.map(({ label, value, plot }) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>
            {plot && (
              <svg width={WIDTH} height={HEIGHT} viewBox={`0 -1 ${WIDTH} ${HEIGHT + 2}`} aria-hidden="true">
                <path d={sparkline(plot, HISTORY, WIDTH, HEIGHT)} />
              </svg>
            )}
            <span>{value}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}

function roundTrip(...figures: (Figures | null | undefined)[]): string {
  const known = figures.map((one) => one?.roundTripMs).find((one) => typeof one === "number");
  return known === undefined ? "–" : `${known} ms`;
}

function layerName({ spatialLayer, temporalLayer }: Layers): string {
  return temporalLayer === undefined ? `S${spatialLayer}` : `S${spatialLayer} T${temporalLayer}`;
}
