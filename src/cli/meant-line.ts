/** What is said where `-t` was left out: with the line that was meant, where its first word is a target. */
import { existsSync } from 'node:fs';
import { findContainer } from '../containers/find.ts';
import { UsageError } from './arguments.ts';
import { numberOf } from './ids.ts';
import { type Lookup, lookupOf } from './lookup.ts';

export interface Line {
  readonly command: string;
  /** Of the whole command, and of this one. */
  readonly lookup: readonly [before: Lookup, after: Lookup];
  /** The words before the first one that is no option. */
  readonly options: readonly string[];
  readonly rest: readonly string[];
}

/** `answer`: to that question, where the line says no more. */
export async function withoutTarget(
  question: string,
  answer: string,
  line: Line,
): Promise<UsageError> {
  const { command, lookup, options, rest } = line;
  const [word, ...others] = rest;
  if (word === undefined || !(await isTarget(word, lookup))) {
    return new UsageError(`${question} ${answer}`);
  }
  const [{ root, directory = [] }] = lookup;
  const words = [
    ...(root === undefined ? [] : ['--root', root]),
    ...directory.flatMap(one => ['--directory', one]),
    ...[command, '-t', word],
    ...options.filter(option => option !== '--'),
    ...others,
  ];
  const meant = ['linux-namespaces', ...words].map(quoted).join(' ');
  return new UsageError(`${question} did you mean: ${meant}`);
}

function isTarget(word: string, [before, after]: Line['lookup']): boolean | Promise<boolean> {
  const pid = numberOf(word);
  if (pid !== undefined) return existsSync(`/proc/${pid}`);
  const found = findContainer(word, { ...lookupOf(before, after), timeout: 0 });
  return found.then(
    () => true,
    () => false,
  );
}

/** As a shell reads it. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
