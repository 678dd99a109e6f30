/** How long is waited for what another process does: longer where the machine is emulated, or busy. */

/** By how much it is slower than a real one that does nothing else; scripts/arm64.mjs and .ci/run say so. */
const slowness = Number(process.env['SLOWNESS'] ?? 1);

/** In milliseconds, what takes at most so many seconds on a real machine. */
export function seconds(count: number): number {
  return count * 1000 * slowness;
}

/** Whether a test that does the same thing many times does so less often: where it would take many minutes. */
export const isEmulated = slowness >= 15;
