/** Options that are wholly ours: a name that is none of them is refused, with the nearest that is. */
import { invalidValue } from './errors.ts';

export function checkNames(options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const near = known
      .map(each => ({ each, far: distance(name.toLowerCase(), each.toLowerCase()) }))
      .sort((a, b) => a.far - b.far)[0];
    const isMeant = near !== undefined && near.far <= Math.max(2, name.length / 3);
    const wanted = isMeant
      ? `an option that there is, such as ${near.each}`
      : `one of ${known.join(', ')}`;
    throw invalidValue(`options.${name}`, wanted, options);
  }
}

/** How many letters have to be changed, put in or left out (Levenshtein). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const [left = 0, above = 0, corner = 0] = [next[j - 1], row[j], row[j - 1]];
      next.push(Math.min(left + 1, above + 1, corner + Number(from[i - 1] !== to[j - 1])));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
