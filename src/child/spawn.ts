/**
 * spawn, exec, execFile and fork: those of node:child_process, whose programs run in any namespaces.
 * Node's own functions do the work (options, buffers, timeouts, signals, channels); only the start of
 * the process is ours.
 */
import type { ChildProcess } from 'node:child_process';
import { invalidValue, refusal } from '../base/errors.ts';
import { builtin } from '../base/lazy-builtins.ts';
import { own } from '../base/own-properties.ts';
import { requirePermission } from '../base/permission.ts';
import { requireNode } from '../base/runtime.ts';
import type { Target } from '../target/target.ts';
import {
  execArguments,
  execFileArguments,
  forkArguments,
  type Options,
  spawnArguments,
} from './arguments.ts';
import { part } from './options.ts';
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

const { promisify } = builtin('node:util')();

const node = builtin('node:child_process');

/** Whose namespaces: of the methods of `Namespaces`, the handle's. */
type Inside = Target | undefined;

/** Each function with the target before its arguments, which have the number that Node's have. */
export const inside = {
  spawn(target: Inside, file: string, args: unknown, given: unknown): ChildProcess {
    const { list, options } = spawnArguments(args, given);
    return start(target, options, nodes => node().spawn(file, list, nodes), undefined, true);
  },
  exec(target: Inside, command: string, given: unknown, done: unknown): ChildProcess {
    const { options, callback } = execArguments(given, done);
    return start(target, options, nodes => node().exec(command, nodes, callback as never));
  },
  execFile(
    target: Inside,
    file: string,
    args: unknown,
    given: unknown,
    done: unknown,
  ): ChildProcess {
    const { list, options, callback } = execFileArguments(args, given, done);
    return start(target, options, nodes => node().execFile(file, list, nodes, callback as never));
  },
  fork(target: Inside, modulePath: string | URL, args: unknown, given: unknown): ChildProcess {
    const { list, options } = forkArguments(args, given);
    const call = (nodes: object) => node().fork(modulePath as string, list, nodes as never);
    return start(target, options, call, joined => {
      const { root, tools } = own(options);
      if (!joined.includes('mnt') && root === undefined && !tools) return;
      throw refusal(['mnt'], 'has no Node that fork() could run', { advice: 'use openWorker()' });
    });
  },
};

/**
 * As node:child_process's `spawn`, in any namespaces: `spawn('ss', ['-nlpt'], { target: pid,
 * namespaces: ['net'] })`. `ChildPlace` has the options that are ours. The program is a direct child
 * of this process, whatever it joins.
 *
 * Throws `NamespaceError` where the target cannot be opened (ESRCH, EACCES); what fails later (EPERM
 * in setns(2), a missing directory) is an 'error' event with the name of the step as `syscall`. A
 * program that cannot be executed fails as Node's does. Linux 5.9.
 */
export const spawn: Spawn = ((file: string, args: unknown, options: unknown) =>
  inside.spawn(undefined, file, args, options)) as Spawn;

/** As node:child_process's `exec`: a command line for a shell, which is the target's with `mnt`. */
export const exec: Exec & PromisifiedExec = ((
  command: string,
  options: unknown,
  callback: unknown,
) => inside.exec(undefined, command, options, callback)) as Exec & PromisifiedExec;

/** As node:child_process's `execFile`; with the options of `spawn` in addition. */
export const execFile: ExecFile & PromisifiedExecFile = ((
  file: string,
  args: unknown,
  options: unknown,
  callback: unknown,
) => inside.execFile(undefined, file, args, options, callback)) as ExecFile & PromisifiedExecFile;

/**
 * As node:child_process's `fork`: a module run by this Node, with a channel to it. Not with `mnt` or
 * `root`, where there is no Node: that is what `openWorker` is for.
 */
export const fork: Fork = ((modulePath: string | URL, args: unknown = [], options?: unknown) =>
  inside.fork(undefined, modulePath, args, options)) as Fork;

/** `promise.child` is the ChildProcess, as in Node; what fails before there is one is thrown. */
function promised<R>(call: (...args: never[]) => ChildProcess) {
  return (...args: unknown[]): Promise<R> & { child: ChildProcess } => {
    let settle: (error: Error | null, stdout: unknown, stderr: unknown) => void = () => {};
    const promise = new Promise<R>((resolve, reject) => {
      settle = (error, stdout, stderr) => {
        if (error === null) resolve({ stdout, stderr } as R);
        else reject(Object.assign(error, { stdout, stderr }));
      };
    });
    const child = call(...(args as never[]), settle as never);
    return Object.assign(promise, { child });
  };
}

for (const call of [exec, execFile]) {
  Object.defineProperty(call, promisify.custom, own({ value: promised(call as never) }));
}

function start<C extends ChildProcess>(
  target: Inside,
  given: Options,
  call: (nodes: object) => C,
  check?: (joined: readonly string[]) => void,
  isSpawn = false,
): C {
  requireNode();
  requirePermission();
  const options = target === undefined ? own(given) : own({ ...given, target });
  const { own: ours, nodes } = part(options);
  if (ours.terminal !== undefined) {
    checkTerminalCall(options, isSpawn);
    Object.assign(nodes, { stdio: ['ignore', 'ignore', 'ignore'] });
  }
  const open = new OpenPlan(ours, options.env ?? undefined);
  try {
    check?.(open.plan.joined);
    return startAs(open.plan, { ...nodes, env: open.environment }, call);
  } finally {
    open.release();
  }
}

function checkTerminalCall({ terminal, stdio, setsid }: Options, isSpawn: boolean): void {
  if (!isSpawn) {
    throw invalidValue('options.terminal', 'left out: only spawn() gives a terminal', terminal);
  }
  if (stdio !== undefined) {
    throw invalidValue('options.stdio', 'left out with a terminal, which is all three', stdio);
  }
  if (setsid === false) {
    throw invalidValue('options.setsid', 'left out with a terminal', setsid);
  }
}
