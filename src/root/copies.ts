/** Copies between inside and outside. */
import { invalidType } from '../errors.ts';
import type { Calls } from './calls.ts';
import { bytesOf, type CopyOptions, type InsidePath, optionsOf, shownAs } from './options.ts';

/** CopyFlags of native/tree.h. */
const flag = { in: 1, out: 0, owners: 2, special: 4 } as const;

export async function copy(
  calls: Calls,
  direction: 'in' | 'out',
  from: InsidePath,
  to: InsidePath,
  options: CopyOptions | undefined,
): Promise<void> {
  const { preserveOwners, special, signal, progress } = optionsOf<CopyOptions>(options, {});
  if (progress !== undefined && typeof progress !== 'function') {
    throw invalidType('options.progress', 'of type function', progress);
  }
  const owners = preserveOwners ? flag.owners : 0;
  await calls.call({
    operation: 'copy',
    syscall: 'cp',
    shown: shownAs(from),
    shownOther: shownAs(to),
    path: direction === 'in' ? ours(from) : bytesOf(from, 'inside'),
    other: direction === 'in' ? bytesOf(to, 'inside') : ours(to),
    numbers: [flag[direction] | owners | (special ? flag.special : 0)],
    signal,
    progress,
  });
}

/** From our own working directory, as it is at the call. */
function ours(path: InsidePath): Buffer {
  const bytes = bytesOf(path, 'outside');
  if (bytes[0] === 0x2f || bytes.length === 0) return bytes;
  return Buffer.concat([Buffer.from(`${process.cwd()}/`), bytes]);
}
