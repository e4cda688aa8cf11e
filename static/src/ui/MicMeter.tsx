import { useEffect, useRef } from "react";

const EVERY_MS = 60;
const BARS = 5;

/** Five bars that move with the voice, so people see that they will be heard before they join. */
export function MicMeter({ track }: { track: MediaStreamTrack | null }) {
  const ref = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const meter = ref.current;
    if (!meter || !track) return undefined;
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 512;
    const source = context.createMediaStreamSource(new MediaStream([track]));
    source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let level = 0;
    const timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      // -60 dB and below is nothing, -18 dB fills the meter; falls slower than it rises.
      const now = Math.min(1, Math.max(0, (10 * Math.log10(power + 1e-9) + 60) / 42));
      level = Math.max(now, level * 0.85);
      meter.dataset["level"] = String(Math.round(level * BARS));
    }, EVERY_MS);
    return () => {
      clearInterval(timer);
      delete meter.dataset["level"];
      source.disconnect();
      void context.close();
    };
  }, [track]);

  return (
    <div className="meter" ref={ref} data-idle={track === null} aria-hidden="true">
      {Array.from({ length: BARS }, (_, index) => (
        <i key={index} />
      ))}
    </div>
  );
}
