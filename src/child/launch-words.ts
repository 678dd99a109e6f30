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

/** Between the two texts comes the name of the error. */
interface Word {
  readonly step: number;
  /** -1: any. */
  readonly detail: number;
  /** 0: any. */
  readonly error: number;
  readonly before: string;
  readonly after: string;
}

const any = -1;
/** Those that there is advice for. */
const advised = (
  [
    'EPERM',
    'ENOENT',
    'ENOTDIR',
    'EEXIST',
    'ENOMEM',
    'EACCES',
    'EXDEV',
    'EINVAL',
    'ENOSPC',
    'ERANGE',
    'ENOSYS',
    'EOVERFLOW',
    'EDQUOT',
  ] as const
).map(name => errnos[name]);

/** How the caller's users know what is spoken of. */
export interface Wording {
  /** Of a message. */
  inWords?(text: string): string;
  /** Said behind that the program could not be executed. */
  readonly hint?: string | undefined;
  /** Said of a working directory that there is none of: which, and where. */
  readonly directory?: string | undefined;
}

export function encodeWords(plan: Plan, file: string, wording: Wording): Uint8Array {
  const { inWords = text => text } = wording;
  return remembering(() => layOut(wordsFor(plan, file, wording), inWords));
}

function wordsFor(plan: Plan, file: string, { hint = '', directory }: Wording): Word[] {
  const words: Word[] = [];
  errorNames().forEach((before, error) => {
    words.push({ step: 0, detail: any, error, before, after: '' });
  });
  launchSteps.forEach((name, step) => {
    if (name === 'chdir' && directory !== undefined) words.push(...absent(step, directory));
    if (name === 'execve') words.push(...unexecuted(step, file, hint));
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
  for (const detail of details(name, plan)) {
    const add = (error: number, at: ReturnType<typeof circumstancesOf>) => {
      const [before, after] = around(at.syscall, at);
      words.push({ step, detail, error, before, after });
    };
    const usual = circumstancesOf({ step: name, error: 0, detail }, plan);
    for (const error of advised) {
      const at = circumstancesOf({ step: name, error, detail }, plan);
      if (at.advice !== usual.advice) add(error, at);
    }
    add(0, usual);
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
function unexecuted(step: number, file: string, hint: string): Word[] {
  const at = { step, before: unexecutedWords(file), after: hint };
  const missing = missingWords.map((words = 'there is no such program', detail) => {
    return { ...at, detail, error: errnos.ENOENT, before: `${at.before}${words}` };
  });
  return [...missing, { ...at, detail: any, error: 0 }];
}

/** The first word that fits counts: all else of that step is said as elsewhere. */
function absent(step: number, directory: string): Word[] {
  const before = absentWords(directory);
  return noDirectory.map(error => ({ step, detail: any, error, before, after: '' }));
}

/** What chdir(2) says where there is no such directory. */
export const noDirectory: readonly number[] = [errnos.ENOENT, errnos.ENOTDIR];

export function absentWords(directory: string): string {
  return printable(`there is no directory ${directory}`);
}

export function unexecutedWords(file: string): string {
  return printable(`cannot execute ${file}: `);
}

function layOut(words: readonly Word[], inWords: (text: string) => string): Uint8Array {
  const fields = 4;
  const numbers = new Int32Array(1 + fields * words.length);
  numbers[0] = words.length;
  const texts: string[] = [];
  let at = 1;
  let end = numbers.byteLength;
  for (const { step, detail, error, before, after } of words) {
    numbers[at++] = step;
    numbers[at++] = detail;
    numbers[at++] = error;
    numbers[at++] = end;
    const text = `${before}\0${inWords(after)}\0`;
    texts.push(text);
    end += Buffer.byteLength(text);
  }
  return Buffer.concat([Buffer.from(numbers.buffer), Buffer.from(texts.join(''))]);
}
