/** Switching encodings of a sender on and off, without touching anything else of its parameters. */

interface Encoding {
  active?: boolean;
}

/**
 * The same parameters with each encoding `active` as wanted, lowest first; null when they are so already.
 * Encodings that nothing is said of stay as they are.
 */
export function withActive<E extends Encoding, P extends { encodings: E[] }>(
  parameters: P,
  wanted: readonly boolean[],
): P | null {
  const encodings = parameters.encodings.map((encoding, index) => {
    const active = wanted[index] ?? encoding.active ?? true;
    return active === (encoding.active ?? true) ? encoding : { ...encoding, active };
  });
  const changed = encodings.some((encoding, index) => encoding !== parameters.encodings[index]);
  return changed ? { ...parameters, encodings } : null;
}
