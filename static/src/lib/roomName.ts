/** Room names: made up, cleaned, and read out of pasted links. */

const FIRST =
  "amber azure brisk calm cedar clear coral crisp dawn deep early fern fresh gentle golden green hazel indigo ivory jade kind late light lively lunar maple mellow misty noble north olive open pale quiet rapid silver solar spring still sunny swift teal tidal vivid warm west wild winter".split(
    " ",
  );
const SECOND =
  "atlas badger beacon birch brook canyon cloud comet cove crane delta dune ember falcon field finch fjord forest garden glade harbor heron island kestrel lagoon lantern lark meadow mesa orchard otter owl pebble pine prairie raven reef ridge river robin sparrow summit swallow thicket valley wave willow wren".split(
    " ",
  );
const THIRD =
  "call chat circle cup desk door hall hearth hub inn lane loft nook office parlor place plaza porch post quay roof room salon shed space spot stage stand studio table tent terrace tower walk window yard".split(
    " ",
  );

const MAX_LENGTH = 64;

type FillRandom = (into: Uint16Array<ArrayBuffer>) => void;

/** Three words and four hex digits: about 32 bits, easy to read out, hopeless to guess one by one. */
export function makeRoomName(fillRandom: FillRandom): string {
  const random = new Uint16Array(4);
  fillRandom(random);
  const pick = (words: string[], n: number) => words[(random[n] ?? 0) % words.length] ?? "";
  const suffix = (random[3] ?? 0).toString(16).padStart(4, "0");
  return `${pick(FIRST, 0)}-${pick(SECOND, 1)}-${pick(THIRD, 2)}-${suffix}`;
}

/** What somebody typed or pasted (a name, a path, a whole link) as a room name; "" when nothing is left. */
export function readRoomName(typed: string): string {
  const link = /\/room\/([^/?#\s]+)/.exec(typed);
  const name = link?.[1] ? safeDecode(link[1]) : typed;
  return name
    .trim()
    .toLowerCase()
    .replace(/\s+/g, "-")
    .replace(/[^\p{L}\p{N}_-]/gu, "")
    .replace(/-{2,}/g, "-")
    .slice(0, MAX_LENGTH)
    .replace(/^-+|-+$/g, "");
}

export function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
