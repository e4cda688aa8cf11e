import { useT } from "../i18n/index.ts";
import { speaker } from "../media/deviceList.ts";
import { SoundIcon } from "./icons.tsx";

const TONES_HZ = [523, 659, 784];
const TONE_S = 0.16;

/** Three tones through the chosen speaker, so that people know that they will hear. */
export function SpeakerTest() {
  const t = useT();
  return (
    <button type="button" className="icon-button bordered" data-testid="test-sound" aria-label={t.testSound} title={t.testSound} onClick={() => void playTones()}>
      <SoundIcon />
    </button>
  );
}

async function playTones(): Promise<void> {
  const context = new AudioContext();
  // Not every browser can send it anywhere but to the default.
  const through = context as AudioContext & { setSinkId?: (id: string) => Promise<void> };
  if (speaker.get()) await through.setSinkId?.(speaker.get()).catch(() => undefined);
  TONES_HZ.forEach((frequency, index) => {
    const start = context.currentTime + index * TONE_S;
    const [tone, volume] = [context.createOscillator(), context.createGain()];
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0.18, start);
    volume.gain.exponentialRampToValueAtTime(0.001, start + TONE_S * 1.8);
    tone.connect(volume).connect(context.destination);
    tone.start(start);
    tone.stop(start + TONE_S * 2);
  });
  setTimeout(() => void context.close(), 1_500);
}
