/** How a person is drawn without a camera: initials and one of eight hues. */

export const HUES = 8;

export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const first = [...(words[0] ?? "")][0] ?? "?";
  const last = words.length > 1 ? ([...(words.at(-1) ?? "")][0] ?? "") : "";
  return (first + last).toUpperCase();
}

/** The same text gives the same hue on every screen. */
export function hueOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  // The high bits of the product are the well mixed ones.
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 29;
}
