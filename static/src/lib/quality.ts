/** From scores, 0 to 10 as the server gives them, to the bars beside a name. */

/** 0: unknown, 1: poor, 2: fair, 3: good. */
export type Quality = 0 | 1 | 2 | 3;

const GOOD_FROM = 8;
const FAIR_FROM = 5;

/** Of several streams the worst counts; null is a stream of which nothing is known. */
export function qualityOf(scores: readonly (number | null)[]): Quality {
  const known = scores.filter((score) => score !== null);
  if (known.length === 0) return 0;
  const worst = Math.min(...known);
  return worst >= GOOD_FROM ? 3 : worst >= FAIR_FROM ? 2 : 1;
}

/** A stream that has not begun has a score of 0, which says nothing; one that stopped says much. */
export function noteScore(before: number | null, score: number): number | null {
  return score === 0 && before === null ? null : score;
}
