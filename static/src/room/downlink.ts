/** What our own connection carries, as the server estimates it, and whether it has been too weak for a while. */

import { Store } from "../lib/store.ts";
import { type Downlink, WeakLink } from "../lib/weakLink.ts";

export interface DownlinkState extends Downlink {
  /** It has been short of what we look at for some seconds. */
  weak: boolean;
  /** Ids of consumers whose video does not fit. */
  starved: ReadonlySet<string>;
}

const UNKNOWN: DownlinkState = {
  availableBitrate: 0,
  desiredBitrate: 0,
  pausedConsumerIds: [],
  weak: false,
  starved: new Set(),
};

export class DownlinkWatch {
  readonly store = new Store<DownlinkState>(UNKNOWN);
  private link = new WeakLink();
  private timer: ReturnType<typeof setTimeout> | undefined;

  note(downlink: Downlink): void {
    const now = performance.now();
    const { availableBitrate, desiredBitrate, pausedConsumerIds } = downlink;
    this.link.note(downlink, now);
    this.store.update(({ starved }) => ({
      availableBitrate,
      desiredBitrate,
      pausedConsumerIds,
      weak: this.link.isWeak(now),
      // The tiles look at the set: the same one while it has the same ids.
      starved: same(starved, pausedConsumerIds) ? starved : new Set(pausedConsumerIds),
    }));
    this.wait(now);
  }

  /** We are nobody's receiver any more. */
  reset(): void {
    clearTimeout(this.timer);
    this.link = new WeakLink();
    this.store.set(UNKNOWN);
  }

  private wait(now: number): void {
    clearTimeout(this.timer);
    const { weakFrom } = this.link;
    if (weakFrom === null || now >= weakFrom) return;
    this.timer = setTimeout(() => this.store.update((state) => ({ ...state, weak: true })), weakFrom - now);
  }
}

function same(set: ReadonlySet<string>, ids: readonly string[]): boolean {
  return set.size === ids.length && ids.every((id) => set.has(id));
}
