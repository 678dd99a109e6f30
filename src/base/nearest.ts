/** What was meant by a word that is misspelt. */

/**
 * Of these words the one that is most like it, if one is near enough, or begins with it; upper and lower case
 * are the same.
 */
export function nearest(given: string, known: readonly string[]): string | undefined {
  const [near] = known
    .map(each => ({ each, far: distance(given.toLowerCase(), each.toLowerCase()) }))
    .sort((a, b) => a.far - b.far);
  if (near === undefined || given.length < 2) return undefined;
  // Of two or three letters another word is made by two changes.
  const most = given.length < 4 ? 1 : Math.max(2, given.length / 3);
  if (near.far <= most && near.far < given.length) return near.each;
  return known.find(each => each.toLowerCase().startsWith(given.toLowerCase()));
}

/**
 * How many letters have to be changed, put in, left out, or exchanged with the next one (Damerau and
 * Levenshtein).
 */
function distance(from: string, to: string): number {
  let [before, row]: number[][] = [[], Array.from({ length: to.length + 1 }, (_, i) => i)];
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const [left = 0, above = 0, corner = 0] = [next[j - 1], row?.[j], row?.[j - 1]];
      const changed = corner + Number(from[i - 1] !== to[j - 1]);
      const isExchanged = from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const exchanged = isExchanged ? (before?.[j - 2] ?? 0) + 1 : changed;
      next.push(Math.min(left + 1, above + 1, changed, exchanged));
    }
    [before, row] = [row, next];
  }
  return row?.[to.length] ?? 0;
}
