/**
 * A program in the place of this command, as nsenter and unshare do it: this process becomes it, or, where
 * it has to be a child, what waits for it. Nothing of Node's stays.
 */
import { basename } from 'node:path';
import { getSystemErrorName } from 'node:util';
import { errnos } from '../base/errnos.ts';
import { requirePermission } from '../base/permission.ts';
import { joined, pairsOf } from '../child/environment.ts';
import { childFailure } from '../child/failures.ts';
import { executeInPlace, type Inherited } from '../child/in-place.ts';
import type { NodeOptions } from '../child/launch.ts';
import { unexecutedWords } from '../child/launch-words.ts';
import { type ChildPlace, type Environment, part } from '../child/options.ts';
import { type More, OpenPlan } from '../child/plan.ts';
import { isId } from '../create/options.ts';
import { type Arguments, type Options, UsageError } from './arguments.ts';
import { inherited, inheritedEnvironment } from './inherited.ts';
import { inWordsOf, type OptionNames } from './option-words.ts';
import { bytesOfWords } from './raw-words.ts';
import { userShell } from './shell.ts';

/** What else the launcher takes: a working directory, as in Node's options, and ids to be kept. */
export type ProgramOptions = Omit<ChildPlace, 'uid' | 'gid'> &
  Pick<NodeOptions, 'cwd' | 'uid' | 'gid' | 'keepGroups'>;

/** Where the program is a child. */
export interface Waiting {
  /** It is one also where no namespace asks for that. */
  readonly fork?: boolean | undefined;
  /** What is sent to us goes to it; otherwise SIGINT and SIGTERM are ignored. */
  readonly forward?: boolean | undefined;
  /** A signal that kills it is an exit code of ours. */
  readonly signalAsCode?: boolean | undefined;
  /** The exit code where something fails before it is executed. Default: 1. */
  readonly failed?: number | undefined;
  /** As of executeInPlace. */
  readonly cwdFd?: number | undefined;
  readonly rootIsHere?: boolean | undefined;
  /** What helps where the shell is not there that is run where no program is named. */
  readonly shellHint?: string | undefined;
  /** What helps where the program is not there that is named. */
  readonly programHint?: string | undefined;
  /** Which directory is not there where none is that is to be the working directory, and where. */
  readonly directory?: string | undefined;
  /** Nothing is read from the caller's stdin. */
  readonly withoutInput?: boolean | undefined;
  readonly optionNames: OptionNames;
}

/** Becomes the words of the line (without one, the user's shell as a login shell) with `options`. */
export function runProgram(
  { rest: line, after }: Pick<Arguments<Options>, 'rest' | 'after'>,
  options: ProgramOptions,
  { optionNames, shellHint = '', programHint = '', ...waiting }: Waiting,
  more: More,
  callers: Inherited = inherited(),
): void {
  const { root, namespaces = [], uid = 'keep' } = options;
  const isHere = root === undefined && !namespaces.includes('mnt') && uid === 'keep';
  requirePermission();
  for (const id of [options.uid, options.gid]) {
    if (id === undefined || id === 'keep' || isId(id)) continue;
    throw new UsageError(`no id of a user or group: ${id}`);
  }
  if (line[0] === '') {
    sayUnexecuted('', errnos.ENOENT);
    return;
  }
  const { own, nodes } = part(options as ChildPlace);
  const open = new OpenPlan(own, options.env, more);
  // Of what the program is given: --clear-env clears SHELL, --env takes the target's.
  const [file = userShell(isHere, open.environment)] = line;
  const words = line.length > 0 ? bytesOfWords(line, after) : [Buffer.from(`-${basename(file)}`)];
  const failed = executeInPlace(
    open.plan,
    {
      ...nodes,
      ...waiting,
      hint:
        line.length > 0
          ? programHint
          : `; the line names no program, so it was to be a shell${shellHint}`,
      inWords: text => inWordsOf(optionNames, text),
      file: line.length > 0 ? (words[0] as Buffer) : file,
      args: joined(words),
      env:
        open.plan.pairs === undefined ? environmentOf(open.environment) : joined(open.plan.pairs),
    },
    callers,
  );
  open.release();
  throw childFailure(failed, file, open.plan);
}

/** Of our own the bytes as they came. */
function environmentOf(environment: Environment): Buffer {
  if (environment === process.env) return inheritedEnvironment();
  return joined(pairsOf(environment));
}

/** The words of what is executed later are the launcher's. */
function sayUnexecuted(file: string, errno: number): void {
  process.exitCode = errno === errnos.ENOENT ? 127 : 126;
  const words = errno === errnos.ENOENT ? 'there is no such program' : getSystemErrorName(errno);
  console.error(`linux-namespaces: ${unexecutedWords(file)}${words}`);
}
