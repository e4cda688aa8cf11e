/** From the browser's statistics of one stream to the few figures that people understand. Pure. */

export type Report = Record<string, unknown>;

export interface Figures {
  width: number;
  height: number;
  framesPerSecond: number;
  /** Kilobits a second since the last look. */
  kbps: number;
  /** Percent of the packets since the last look. */
  loss: number;
  jitterMs: number;
  roundTripMs: number | null;
  /** What the browser believes that its link carries, in kilobits a second; of what is sent only. */
  estimateKbps: number | null;
  codec: string;
}

export interface Counters {
  at: number;
  bytes: number;
  packets: number;
  lost: number;
}

/** What came in (or went out) since `before`; null while the stream has no statistics. `at` is milliseconds. */
export function figuresOf(
  reports: readonly Report[],
  at: number,
  before: Counters | null,
): { figures: Figures; counters: Counters } | null {
  const inbound = reports.filter((report) => report["type"] === "inbound-rtp");
  const streams = inbound.length > 0 ? inbound : reports.filter((report) => report["type"] === "outbound-rtp");
  if (streams.length === 0) return null;
  const sum = (name: string, of: readonly Report[] = streams) => of.reduce((all, one) => all + number(one[name]), 0);
  const most = (name: string) => Math.max(0, ...streams.map((one) => number(one[name])));
  const far = reports.filter((report) => report["type"] === "remote-inbound-rtp");
  const incoming = inbound.length > 0;
  const counters: Counters = {
    at,
    bytes: sum(incoming ? "bytesReceived" : "bytesSent"),
    packets: sum(incoming ? "packetsReceived" : "packetsSent"),
    lost: incoming ? sum("packetsLost") : sum("packetsLost", far),
  };
  const past = before ?? counters;
  const seconds = Math.max(0.001, (counters.at - past.at) / 1000);
  const lost = Math.max(0, counters.lost - past.lost);
  const packets = Math.max(0, counters.packets - past.packets) + (incoming ? lost : 0);
  const trips = reports.map((report) => report["currentRoundTripTime"]).filter((one) => typeof one === "number");
  const jitter = incoming ? most("jitter") : Math.max(0, ...far.map((one) => number(one["jitter"])));
  const estimate = incoming ? undefined : reports.map((one) => one["availableOutgoingBitrate"]).find(Number.isFinite);
  const figures: Figures = {
    width: most("frameWidth"),
    height: most("frameHeight"),
    framesPerSecond: Math.round(most("framesPerSecond")),
    kbps: Math.round(Math.max(0, (counters.bytes - past.bytes) * 8) / seconds / 1000),
    loss: packets > 0 ? Math.min(100, (100 * lost) / packets) : 0,
    jitterMs: Math.round(1000 * jitter),
    roundTripMs: trips.length > 0 ? Math.round(1000 * Math.min(...(trips as number[]))) : null,
    estimateKbps: typeof estimate === "number" ? Math.round(estimate / 1000) : null,
    codec: codecIn(reports, streams),
  };
  return { figures, counters };
}

/** The line through `values` as the `d` of a path in a box of `width` by `height`; the newest is at the right. */
export function sparkline(values: readonly number[], room: number, width: number, height: number): string {
  if (values.length < 2) return "";
  const top = Math.max(1, ...values);
  const step = width / Math.max(1, room - 1);
  const start = width - (values.length - 1) * step;
  return values
    .map((value, index) => {
      const [x, y] = [start + index * step, height - (height * value) / top];
      return `${index === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
    })
    .join("");
}

function codecIn(reports: readonly Report[], streams: readonly Report[]): string {
  const id = streams.map((stream) => stream["codecId"]).find((one) => one !== undefined);
  const codec = reports.find((report) => report["type"] === "codec" && report["id"] === id);
  const type = codec?.["mimeType"];
  return typeof type === "string" ? (type.split("/")[1] ?? "") : "";
}

function number(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}
