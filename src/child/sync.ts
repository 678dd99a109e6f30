/**
 * spawnSync, execFileSync and execSync: those of node:child_process, whose programs run in any namespaces.
 * The thread waits in a loop of the addon's (native/child/blocking.cc), beside the same launcher.
 */
import type { SpawnSyncReturns } from 'node:child_process';
import { constants } from 'node:os';
import type { SpawnFailure, SyncResult } from '../base/addon-child.ts';
import { errnos } from '../base/errnos.ts';
import { invalidType, invalidValue } from '../base/errors.ts';
import { builtin } from '../base/lazy-builtins.ts';
import { own } from '../base/own-properties.ts';
import { requirePermission } from '../base/permission.ts';
import { requireNode } from '../base/runtime.ts';
import type { Target } from '../target/target.ts';
import { execArguments, execFileArguments, type Options, spawnArguments } from './arguments.ts';
import { advised, childFailure, executionAdvice } from './failures.ts';
import { hasFailed, launchSync, type Plan } from './launch.ts';
import { isSettable, part } from './options.ts';
import { OpenPlan } from './plan.ts';
import type { ExecFileSync, ExecSync, SpawnSync } from './signatures-sync.ts';
import { type SyncProgram, syncProgram } from './sync-options.ts';

const { getSystemErrorName } = builtin('node:util')();

type Inside = Target | undefined;
type Result = SpawnSyncReturns<string | Buffer | null>;

/** Each function with the target before its arguments, which have the number that Node's have. */
export const insideSync = {
  spawnSync(target: Inside, file: string, args: unknown, given: unknown): Result {
    const { list, options } = spawnArguments(args, given);
    return run(target, file, list, options);
  },
  execFileSync(
    target: Inside,
    file: string,
    args: unknown,
    given: unknown,
  ): string | Buffer | null {
    // Node's has no callback, and takes one for options that are none.
    const none = Array.isArray(args) || (args ?? undefined) === undefined;
    if (none && typeof given === 'function') throw invalidType('options', 'an object', given);
    const { list, options } = execFileArguments(args, given, undefined);
    const result = run(target, file, list, options);
    return outputOf(result, options, [own(options)['argv0'] || file, ...list].join(' '));
  },
  execSync(target: Inside, command: string, given: unknown): string | Buffer | null {
    const { options } = execArguments(given, undefined);
    const { shell } = own(options);
    const result = run(target, command, [], {
      ...options,
      shell: typeof shell === 'string' ? shell : true,
    });
    return outputOf(result, options, command);
  },
};

/**
 * As node:child_process's `spawnSync`, in any namespaces, with the options of `spawn` in addition. What fails before
 * the program runs is the `error` of the result; a target that cannot be opened is thrown.
 *
 * The event loop stands still meanwhile. `timeout` (in milliseconds; default: none) ends that in any case: after
 * `killSignal` the child has five seconds, after SIGKILL one more, then it is left to itself (ETIMEDOUT, `status` and
 * `signal` null). Linux 5.9.
 */
export const spawnSync: SpawnSync = ((file: string, args: unknown, options: unknown) =>
  insideSync.spawnSync(undefined, file, args, options)) as SpawnSync;

/** As node:child_process's `execFileSync`; with the options of `spawn` in addition. `timeout`: as of `spawnSync`. */
export const execFileSync: ExecFileSync = ((file: string, args: unknown, options: unknown) =>
  insideSync.execFileSync(undefined, file, args, options)) as ExecFileSync;

/** As node:child_process's `execSync`: a command line for a shell, which is the target's with `mnt`. */
export const execSync: ExecSync = ((command: string, options: unknown) =>
  insideSync.execSync(undefined, command, options)) as ExecSync;

/** What is refused before anything is started, as by the exec of the program. */
const invalid = { step: 'spawn', detail: 0, setup: false, words: '' };
/** An empty path is none; spawn() takes it for no option, as Node's does. */
const noDirectory = { step: 'chdir', detail: 0, setup: true, words: '', error: errnos.ENOENT };

function run(target: Inside, file: string, list: readonly unknown[], given: Options): Result {
  requireNode();
  requirePermission();
  const options = target === undefined ? own(given) : own({ ...given, target });
  const { own: ours, nodes } = part(options);
  if (ours.terminal !== undefined) {
    throw invalidValue('options.terminal', 'left out: only spawn() gives a terminal', true);
  }
  const open = new OpenPlan(ours, options.env ?? undefined);
  try {
    const { plan, environment } = open;
    const program = syncProgram(file, list, nodes as Options, environment, plan.foreignEnv);
    if (!isSettable(program.uid ?? 0) || !isSettable(program.gid ?? 0)) {
      return resultOf({ ...invalid, error: errnos.EINVAL }, program, plan);
    }
    if (program.cwd === '') return resultOf(noDirectory, program, plan);
    return resultOf(launchSync(plan, program, program), program, plan);
  } finally {
    open.release();
  }
}

/** What Node has for the output of a program that was not started. */
const absent = Number.parseInt(process.versions.node, 10) < 22 ? null : undefined;

/** Its fields in Node's order. */
function resultOf(of: SyncResult | SpawnFailure, program: SyncProgram, plan: Plan): Result {
  const failed = hasFailed(of);
  const error = errorOf(of, program, plan);
  const ended = !failed && of.ended;
  const output = failed ? null : of.output.map(bytes => decoded(bytes, program.encoding));
  const result = {
    ...(error && { error }),
    status: ended && of.signal === 0 ? of.code : null,
    signal: ended && of.signal !== 0 ? nameOf(of.signal) : null,
    output,
    pid: failed ? 0 : of.pid,
    stdout: output === null ? absent : output[1],
    stderr: output === null ? absent : output[2],
  };
  return result as unknown as Result;
}

function decoded(bytes: Buffer | null, encoding: string | undefined): Buffer | string | null {
  if (bytes === null || !encoding || encoding === 'buffer') return bytes;
  return bytes.toString(encoding as BufferEncoding);
}

function nameOf(signal: number): string {
  const found = Object.entries(constants.signals).find(([, number]) => number === signal);
  return found?.[0] ?? '';
}

function errorOf(
  of: SyncResult | SpawnFailure,
  { file, args }: SyncProgram,
  plan: Plan,
): Error | undefined {
  const spawnargs = args.slice(1);
  // What the launcher is executed with is what the program is to have: Node's own error.
  if (hasFailed(of) && of.setup && !(of.step === 'execveat' && of.error === errnos.E2BIG)) {
    return Object.assign(childFailure(of, file, plan), { spawnargs });
  }
  const errno = hasFailed(of) ? of.error : of.failed;
  if (errno === 0) return undefined;
  const code = getSystemErrorName(errno);
  const syscall = `spawnSync ${file}`;
  const fields = { errno, code, syscall, path: file, spawnargs };
  const error = Object.assign(new Error(`${syscall} ${code}`), fields);
  return advised(error, hasFailed(of) ? executionAdvice(of) : undefined);
}

/** Of execSync and execFileSync: thrown, where it is not the output of a program that ended well. */
function outputOf(result: Result, options: Options, command: string): string | Buffer | null {
  const { stderr, error, status } = result;
  if (!own(options)['stdio'] && stderr) process.stderr.write(stderr);
  if (error !== undefined) throw Object.assign(error, result);
  if (status === 0) return result.stdout;
  const more = stderr && stderr.length > 0 ? `\n${stderr.toString()}` : '';
  throw Object.assign(new Error(`Command failed: ${command}${more}`), result);
}
