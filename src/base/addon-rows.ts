/** What the lookers share: an answer of the addon, or why there is none, and the names of users. */
import type { Looked } from './addon-looks.ts';
import { binding } from './binding.ts';
import { failure } from './errors.ts';
import { Limiter } from './limiter.ts';
import { looking } from './limits.ts';
import type { NamespaceType } from './namespace-types.ts';

/** In the order of the addon's rows, which is that of `ls /proc/PID/ns`. */
export const typesInRows: readonly NamespaceType[] = [
  'cgroup',
  'ipc',
  'mnt',
  'net',
  'pid',
  'time',
  'user',
  'uts',
];

const advices: Readonly<Record<number, string>> = {
  [-2]: 'there is no /proc to look at: mount one',
  [-38]: 'what is mounted there is not a proc file system: mount one',
  [-11]:
    'processes that keep their readers waiting, in an uninterruptible sleep (state D), keep too many threads of ours: end them',
};

const looks = new Limiter(looking.lists);

/** The answer of a look at /proc. */
export async function looked<L extends Looked>(look: () => Promise<L>): Promise<L> {
  const answer = await looks.run(look);
  if (answer.error >= 0) return answer;
  if (answer.step === 'clone') throw failure(answer.error, answer.step);
  throw failure(answer.error, answer.step, { target: '/proc', advice: advices[answer.error] });
}

/** Texts that each end with a zero byte. */
export function split(texts: string): string[] {
  const parts = texts.split('\0');
  parts.pop();
  return parts;
}

/** The names of users, where they have one. */
export async function userNames(uids: Iterable<number>): Promise<ReadonlyMap<number, string>> {
  const known = Uint32Array.from(new Set([...uids].filter(uid => uid >= 0)));
  if (known.length === 0) return new Map();
  const { texts } = await looked(() => binding.userNames(known));
  const names = split(texts);
  return new Map([...known].map((uid, i) => [uid, names[i] ?? ''] as const).filter(named));
}

function named([, name]: readonly [number, string]): boolean {
  return name !== '';
}
