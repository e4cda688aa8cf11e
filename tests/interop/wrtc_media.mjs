// Cameras, microphones and screens for mediasoup-client in Node: @roamhq/wrtc behind the browser's names.
//
// Import this before mediasoup-client. What is sent is made by a timer, what is received is counted.

import wrtc from '@roamhq/wrtc';

// libwebrtc sends three simulcast layers from this size on.
export const WIDTH = 960;
export const HEIGHT = 540;

const { RTCVideoSource, RTCVideoSink, RTCAudioSource, RTCAudioSink } = wrtc.nonstandard;
const timers = new Set();
const sinks = new Set();

for (const [name, value] of Object.entries(wrtc)) {
  if (name !== 'nonstandard') globalThis[name] ??= value;
}

/** A camera that shows one grey, `frameRate` pictures a second. */
export function camera({ luma = 120, frameRate = 12, width = WIDTH, height = HEIGHT } = {}) {
  const source = new RTCVideoSource();
  const size = width * height;
  const data = new Uint8ClampedArray((size * 3) / 2);
  data.fill(luma, 0, size).fill(128, size);
  every(1000 / frameRate, () => source.onFrame({ width, height, data }));
  return source.createTrack();
}

/** A microphone that hears a tone of 480 Hz. */
export function microphone() {
  const source = new RTCAudioSource();
  const samples = Int16Array.from({ length: 480 }, (_, n) => 8000 * Math.sin((2 * Math.PI * n) / 100));
  every(10, () =>
    source.onData({ samples, sampleRate: 48000, bitsPerSample: 16, channelCount: 1, numberOfFrames: 480 }),
  );
  return source.createTrack();
}

/** Counts what a remote track brings: `frames`, the last picture's `luma`, the loudest sample of sound. */
export function watch(track) {
  const seen = { kind: track.kind, frames: 0, luma: null, width: 0, peak: 0 };
  const sink = track.kind === 'video' ? new RTCVideoSink(track) : new RTCAudioSink(track);
  if (track.kind === 'video') {
    sink.onframe = ({ frame }) => {
      seen.frames += 1;
      seen.width = frame.width;
      seen.luma = frame.data[(frame.width * frame.height) >> 1];
    };
  } else {
    sink.ondata = ({ samples }) => {
      const peak = samples.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
      // The sink gives silence until the first packet is there.
      if (peak > 0) seen.frames += 1;
      seen.peak = Math.max(seen.peak, peak);
    };
  }
  sinks.add(sink);
  seen.stop = () => {
    sink.stop();
    sinks.delete(sink);
  };
  return seen;
}

/** Resolves when `condition` holds, or rejects naming `what`. */
export async function until(what, condition, patienceMs = 15_000) {
  const end = Date.now() + patienceMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((done) => setTimeout(done, 10));
  }
}

/** Prints the result as one line of JSON, or the error, and ends the process whatever is still open. */
export async function main(run) {
  let code = 0;
  try {
    await print(await run());
  } catch (error) {
    await print({ error: error.stack ?? String(error) });
    code = 1;
  }
  for (const timer of timers) clearInterval(timer);
  for (const sink of sinks) sink.stop();
  process.exit(code);
}

function every(intervalMs, action) {
  timers.add(setInterval(action, intervalMs));
}

function print(result) {
  return new Promise((done) => process.stdout.write(`${JSON.stringify(result)}\n`, done));
}
