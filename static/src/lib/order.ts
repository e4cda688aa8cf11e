/** In which order people are shown: as they came, and whoever speaks from a later page moves to the first. */

export function nextOrder(
  before: readonly string[],
  present: readonly string[],
  speaker: string | null,
  firstPage: number,
): readonly string[] {
  const here = new Set(present);
  const order = before.filter((id) => here.has(id));
  const known = new Set(order);
  order.push(...present.filter((id) => !known.has(id)));
  const at = speaker === null ? -1 : order.indexOf(speaker);
  if (at >= firstPage && firstPage > 0) {
    // Changes places with one, so that nobody else moves.
    [order[firstPage - 1], order[at]] = [order[at] as string, order[firstPage - 1] as string];
  }
  return order.length === before.length && order.every((id, index) => id === before[index]) ? before : order;
}
