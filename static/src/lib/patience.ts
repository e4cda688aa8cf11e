/**
 * How long to keep a picture back so that what was lost can still be repaired.
 *
 * A browser sizes its jitter buffer by jitter alone, 10 ms or so on a quiet link. A repair takes a round trip and
 * more, so on a lossy link a third of the frames comes too late and is left out. While packets are asked for again
 * and again we have the browser wait for them; nothing changes on a good link.
 */

const REMEMBERED = 5; // seconds
const ENOUGH = 2; // of them with something missing; a single one is an accident
const CALM_S = 10; // without anything missing before the delay is given back
const NOTICING_MS = 50; // the last packet of a frame is missed when the next frame begins
const LEAST_MS = 80;
const MOST_MS = 400; // above this a conversation suffers more than the picture gains
const STEP_MS = 30; // smaller changes are not worth the jolt

export class Patience {
  private asked = -1;
  private readonly missing: boolean[] = [];
  private calmFor = 0;
  private targetMs: number | null = null;

  /**
   * Once a second: how many repairs were asked for since the beginning, and the round trip.
   * Answers how long to keep media back, in milliseconds; null leaves it to the browser.
   */
  note(asked: number, roundTripMs: number): number | null {
    // A count that went down belongs to another stream.
    const isMissing = this.asked >= 0 && asked > this.asked;
    this.asked = asked;
    this.missing.push(isMissing);
    if (this.missing.length > REMEMBERED) this.missing.shift();
    this.calmFor = isMissing ? 0 : this.calmFor + 1;

    if (this.calmFor >= CALM_S) this.targetMs = null;
    else if (this.targetMs !== null || this.missing.filter(Boolean).length >= ENOUGH) {
      const wanted = Math.round(Math.min(MOST_MS, Math.max(LEAST_MS, 1.5 * roundTripMs + NOTICING_MS)));
      if (this.targetMs === null || Math.abs(wanted - this.targetMs) > STEP_MS) this.targetMs = wanted;
    }
    return this.targetMs;
  }
}
