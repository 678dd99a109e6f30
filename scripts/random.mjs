/** Randomness that a seed repeats. */

/** A function that gives a whole number below `most` (mulberry32). */
export function randomOf(seed) {
  let state = seed >>> 0;
  return most => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * most);
  };
}

/** A copy in an order that the seed decides. */
export function shuffled(list, seed) {
  const random = randomOf(seed);
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = random(i + 1);
    [copy[i], copy[j]] = [copy[j], copy[i]];
  }
  return copy;
}

export function pick(list, random) {
  return list[random(list.length)];
}
