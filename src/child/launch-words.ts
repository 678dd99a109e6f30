/**
 * What a launcher says that nobody hears but the user: struct launch_words of native/launcher/launch.h, for
 * every step that can fail, in the words of the errors of a spawn.
 */
import { errnos } from '../base/errnos.ts';
import { around, errorNames } from '../base/errors.ts';
import { kindOf } from '../base/namespace-types.ts';
import { remembering } from '../base/own-rights.ts';
import { printable } from '../base/printable.ts';
import { creationSteps } from '../create/failures.ts';
import { capabilityNames } from './capabilities.ts';
import { circumstancesOf, missingWords } from './failures.ts';
import type { Plan } from './launch.ts';
import { launchFlags } from './launch-flags.ts';
import { launchSteps } from './launch-steps.ts';

/** `detail` -1 and `error` 0: any. Between the two texts comes the name of the error. */
type Word = [step: number, detail: number, error: number, before: string, after: string];

const any = -1;
/** Those that there is advice for. */
const { EPERM, ENOENT, ENOMEM, EACCES, EXDEV, EINVAL, ENOSPC, ERANGE, ENOSYS, EOVERFLOW, EDQUOT } =
  errnos;
const advised = [
  EPERM,
  ENOENT,
  ENOMEM,
  EACCES,
  EXDEV,
  EINVAL,
  ENOSPC,
  ERANGE,
  ENOSYS,
  EOVERFLOW,
  EDQUOT,
];

export function encodeWords(
  plan: Plan,
  file: string,
  inWords: (text: string) => string = text => text,
): Uint8Array {
  return remembering(() => layOut(wordsFor(plan, file), inWords));
}

function wordsFor(plan: Plan, file: string): Word[] {
  const words: Word[] = errorNames().map(([errno, name]) => [0, any, errno, name, '']);
  launchSteps.forEach((name, step) => {
    if (name === 'execve') words.push(...unexecuted(step, file));
    else if (name !== '' && isTaken(name, plan)) words.push(...failures(step, name, plan));
  });
  return words;
}

function isTaken(name: string, plan: Plan): boolean {
  if (name === 'unshare') return plan.created.length > 0;
  return name !== 'create' || plan.create !== undefined;
}

function failures(step: number, name: string, plan: Plan): Word[] {
  const words: Word[] = [];
  const add = (detail: number, error: number) => {
    const { syscall, ...at } = circumstancesOf({ step: name, error, detail }, plan);
    if (error === 0 || at.advice !== undefined) {
      words.push([step, detail, error, ...around(syscall, at)]);
    }
  };
  for (const detail of details(name, plan)) {
    for (const error of advised) add(detail, error);
    add(detail, 0);
  }
  return words;
}

/** Which `detail` there can be. */
function details(name: string, plan: Plan): readonly number[] {
  if (name === 'setns') return plan.joined.map(type => kindOf[type].flag);
  if (name === 'write') return [...plan.cgroupFiles.keys()];
  if (name === 'create') return [...Array(creationSteps).keys()];
  const capabilities = name === 'prctl' && (plan.flags & launchFlags.capabilities) !== 0;
  return capabilities ? [...capabilityNames.keys()] : [any];
}

/** As the command says it where Node is still there. */
function unexecuted(step: number, file: string): Word[] {
  const before = unexecutedWords(file);
  const missing = missingWords.map((words, detail): Word => {
    return [step, detail, ENOENT, `${before}${words ?? 'there is no such program'}`, ''];
  });
  return [...missing, [step, any, 0, before, '']];
}

export function unexecutedWords(file: string): string {
  return printable(`cannot execute ${file}: `);
}

function layOut(words: readonly Word[], inWords: (text: string) => string): Uint8Array {
  const fields = 4;
  const numbers = new Int32Array(1 + fields * words.length);
  numbers[0] = words.length;
  const texts: string[] = [];
  let end = numbers.byteLength;
  words.forEach(([step, detail, error, before, after], i) => {
    numbers.set([step, detail, error, end], 1 + fields * i);
    const text = `${before}\0${inWords(after)}\0`;
    texts.push(text);
    end += Buffer.byteLength(text);
  });
  return Buffer.concat([Buffer.from(numbers.buffer), Buffer.from(texts.join(''))]);
}
