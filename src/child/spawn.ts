/**
 * spawn, exec, execFile and fork: those of node:child_process, whose programs run in any namespaces.
 * Node's own functions do the work (options, buffers, timeouts, signals, channels); only the start of
 * the process is ours.
 */
import type { ChildProcess } from 'node:child_process';
import { promisify } from 'node:util';
import { invalidType, refusal } from '../base/errors.ts';
import { builtin } from '../base/lazy-builtins.ts';
import { own } from '../base/own-properties.ts';
import { requirePermission } from '../base/permission.ts';
import { requireNode } from '../base/runtime.ts';
import type { Target } from '../target/target.ts';
import { type ChildPlace, part } from './options.ts';
import { OpenPlan } from './plan.ts';
import type {
  Exec,
  ExecFile,
  Fork,
  PromisifiedExec,
  PromisifiedExecFile,
  Spawn,
} from './signatures.ts';
import { startAs } from './start.ts';

const node = builtin('node:child_process');

type Options = ChildPlace & Record<string, unknown>;
type Callback = (...results: never[]) => void;

/**
 * As node:child_process's `spawn`, in any namespaces: `spawn('ss', ['-nlpt'], { target: pid,
 * namespaces: ['net'] })`. `ChildPlace` has the options that are ours. The program is a direct child
 * of this process, whatever it joins.
 *
 * Throws `NamespaceError` where the target cannot be opened (ESRCH, EACCES); what fails later (EPERM
 * in setns(2), a missing directory) is an 'error' event with the name of the step as `syscall`. A
 * program that cannot be executed fails as Node's does. Linux 5.9.
 */
export const spawn: Spawn = ((file: string, ...rest: unknown[]) => {
  const { list, options } = arrange(rest);
  return start(options, nodes => node().spawn(file, list, nodes));
}) as Spawn;

/** As node:child_process's `exec`: a command line for a shell, which is the target's with `mnt`. */
export const exec: Exec & PromisifiedExec = ((command: string, ...rest: unknown[]) => {
  const callback = takeCallback(rest);
  const [options] = rest;
  return start(check(options), nodes => node().exec(command, nodes, callback as never));
}) as Exec & PromisifiedExec;

/** As node:child_process's `execFile`; with the options of `spawn` in addition. */
export const execFile: ExecFile & PromisifiedExecFile = ((file: string, ...rest: unknown[]) => {
  const callback = takeCallback(rest);
  const { list, options } = arrange(rest);
  return start(options, nodes => node().execFile(file, list, nodes, callback as never));
}) as ExecFile & PromisifiedExecFile;

/**
 * As node:child_process's `fork`: a module run by this Node, with a channel to it. Not with `mnt` or
 * `root`, where there is no Node: that is what `openWorker` is for.
 */
export const fork: Fork = ((modulePath: string | URL, ...rest: unknown[]) => {
  const { list, options } = arrange(rest);
  return start(
    options,
    nodes => node().fork(modulePath as string, list, nodes as never),
    joined => {
      if (!joined.includes('mnt') && own(options).root === undefined) return;
      throw refusal(['mnt'], 'has no Node that fork() could run', { advice: 'use openWorker()' });
    },
  );
}) as Fork;

/** `promise.child` is the ChildProcess, as in Node; an error before there is one is a rejection. */
function promised<R>(call: (...args: never[]) => ChildProcess) {
  return (...args: unknown[]): Promise<R> & { child: ChildProcess | undefined } => {
    let child: ChildProcess | undefined;
    const promise = new Promise<R>((resolve, reject) => {
      const done = (error: Error | null, stdout: unknown, stderr: unknown) => {
        if (error === null) resolve({ stdout, stderr } as R);
        else reject(Object.assign(error, { stdout, stderr }));
      };
      child = call(...(args as never[]), done as never);
    });
    return Object.assign(promise, { child });
  };
}

for (const call of [exec, execFile]) {
  Object.defineProperty(call, promisify.custom, own({ value: promised(call as never) }));
}

/** The same call with `target` as its target, whichever of its arguments are left out. */
export function within(
  call: (...args: never[]) => ChildProcess,
  target: Target,
  given: readonly unknown[],
): ChildProcess {
  const args = given.filter((argument, i) => i === 0 || (argument ?? undefined) !== undefined);
  const place = args.findIndex(
    (argument, i) =>
      i > 0 && typeof argument === 'object' && !Array.isArray(argument) && argument !== null,
  );
  if (place > 0) args[place] = own({ ...(args[place] as object), target });
  else args.splice(Array.isArray(args[1]) ? 2 : 1, 0, { target });
  return call(...(args as never[]));
}

function start<C extends ChildProcess>(
  given: Options,
  call: (nodes: object) => C,
  check?: (joined: readonly string[]) => void,
): C {
  requireNode();
  requirePermission();
  const options = own(given);
  const { own: ours, nodes } = part(options);
  const open = new OpenPlan(ours, options.env ?? undefined);
  try {
    check?.(open.plan.joined);
    return startAs(open.plan, { ...nodes, env: open.environment }, call);
  } finally {
    open.release();
  }
}

/** `args` may be left out. */
function arrange(rest: unknown[]): { list: readonly string[]; options: Options } {
  const [first, second] = rest;
  if (Array.isArray(first)) return { list: first, options: check(second) };
  if (first === undefined || first === null) return { list: [], options: check(second) };
  if (typeof first !== 'object') throw invalidType('args', 'an array', first);
  return { list: [], options: check(first) };
}

function check(options: unknown): Options {
  if (options === undefined || options === null) return {};
  if (typeof options !== 'object') throw invalidType('options', 'an object', options);
  return options as Options;
}

function takeCallback(rest: unknown[]): Callback | undefined {
  const place = rest.findIndex(argument => typeof argument === 'function');
  return place < 0 ? undefined : (rest.splice(place)[0] as Callback);
}
