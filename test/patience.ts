/** How long is waited for what another process does: longer where the machine is an emulated one. */

/** By how much it is slower than a real one; scripts/arm64.mjs says so. */
const slowness = Number(process.env['SLOWNESS'] ?? 1);

/** In milliseconds, what takes at most so many seconds on a real machine. */
export function seconds(count: number): number {
  return count * 1000 * slowness;
}
