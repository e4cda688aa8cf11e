/** Whether our own connection is too weak for what is on the screen, with the patience to call it so. */

export const PATIENCE_MS = 5_000;

/** An estimate that is a little short costs nothing that anybody sees. */
const ENOUGH = 0.95;

export interface Downlink {
  /** Bits per second that the connection is estimated to carry. */
  availableBitrate: number;
  /** Bits per second that everything we look at could use. */
  desiredBitrate: number;
  /** Consumers whose video does not fit. */
  pausedConsumerIds: readonly string[];
}

/** Times are milliseconds of one clock that never goes back. */
export class WeakLink {
  private since: number | null = null;

  note({ availableBitrate, desiredBitrate, pausedConsumerIds }: Downlink, now: number): void {
    const short = pausedConsumerIds.length > 0 || availableBitrate < desiredBitrate * ENOUGH;
    if (!short) this.since = null;
    else this.since ??= now;
  }

  /** When it may be called weak, if nothing changes; null while there is enough. */
  get weakFrom(): number | null {
    return this.since === null ? null : this.since + PATIENCE_MS;
  }

  isWeak(now: number): boolean {
    return this.weakFrom !== null && now >= this.weakFrom;
  }
}
