/** What the server says of our producers: which of their encodings anybody wants. */

import type { types } from "mediasoup-client";

import { withActive } from "../lib/wantedEncodings.ts";

export class WantedEncodings {
  /** By producer id; the push may come before the producer is ours to change. */
  private readonly wanted = new Map<string, readonly boolean[]>();

  note(producerId: string, encodings: readonly boolean[]): void {
    this.wanted.set(producerId, encodings);
  }

  forget(producerId: string): void {
    this.wanted.delete(producerId);
  }

  of(producerId: string): readonly boolean[] | null {
    return this.wanted.get(producerId) ?? null;
  }

  /** Nothing else may change the sender meanwhile: `Sending` takes one step at a time for each producer. */
  async apply(producer: types.Producer): Promise<void> {
    const [wanted, sender] = [this.wanted.get(producer.id), producer.rtpSender];
    if (!wanted || !sender || producer.closed) return;
    // Read again for each change: what was read before is void once somebody wrote.
    const next = withActive(sender.getParameters(), wanted);
    if (next) await sender.setParameters(next);
  }
}

/** What a producer's browser sends of its encodings, lowest first. */
export function activeEncodings(producer: types.Producer): boolean[] {
  return (producer.rtpSender?.getParameters().encodings ?? []).map(({ active }) => active ?? true);
}
