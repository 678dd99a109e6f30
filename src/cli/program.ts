/**
 * A program run in the place of this command: its streams are ours, signals to us go to it, and we
 * end as it did. Straight by the launcher: node:child_process takes as long to load as all the rest.
 */
import { constants } from 'node:os';
import { basename } from 'node:path';
import { getSystemErrorName } from 'node:util';
import type { SpawnFailure } from '../base/addon.ts';
import { binding } from '../base/binding.ts';
import { errnos } from '../base/errnos.ts';
import { requirePermission } from '../base/permission.ts';
import { childFailure } from '../child/failures.ts';
import { hasStarted, launch, type NodeOptions } from '../child/launch.ts';
import { type ChildPlace, type Environment, part } from '../child/options.ts';
import { OpenPlan } from '../child/plan.ts';
import { isId } from '../create/options.ts';
import { UsageError } from './arguments.ts';

/** Signals that are sent to us and meant for the program. */
const forwarded = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2'] as const;

/** How a program ended; `failed`: why there was none. */
interface End {
  readonly code: number;
  /** Its number; 0: by none. */
  readonly signal: number;
  readonly failed?: SpawnFailure | undefined;
}

/** What else the launcher takes: a working directory, as in Node's options, and ids to be kept. */
export type ProgramOptions = Omit<ChildPlace, 'uid' | 'gid'> &
  Pick<NodeOptions, 'cwd' | 'uid' | 'gid'>;

/** Runs `line` (without one, the user's shell as a login shell) with `options`, to its end. */
export async function runProgram(line: readonly string[], options: ProgramOptions): Promise<void> {
  const [file = process.env['SHELL'] || '/bin/sh', ...list] = line;
  requirePermission();
  for (const id of [options.uid, options.gid]) {
    if (id === undefined || id === 'keep' || isId(id)) continue;
    throw new UsageError(`no id of a user or group: ${id}`);
  }
  if (file === '') return sayUnexecuted(file, errnos.ENOENT);
  const { own, nodes } = part(options as ChildPlace);
  const open = new OpenPlan(own, options.env);
  const { plan } = open;
  const program = {
    ...nodes,
    file,
    args: [line.length > 0 ? file : `-${basename(file)}`, ...list],
    envPairs: pairsOf(open.environment),
    stdio: Int32Array.of(0, 1, 2),
  };
  const { failed, ...end } = await new Promise<End>(resolve => {
    let failed: SpawnFailure | undefined;
    const ended = (code: number, signal: number) => resolve({ code, signal, failed });
    const remember = (failure: SpawnFailure) => {
      failed = failure;
    };
    for (const name of forwarded) process.on(name, () => forward(constants.signals[name]));
    const launched = launch(plan, program, ended, remember);
    const forward = (signal: number) => {
      // From the terminal the whole group has it, the program too.
      if (hasStarted(launched) && !isFromTerminal(signal))
        binding.childKill(launched.child, signal);
    };
    open.release();
    if (!hasStarted(launched)) resolve({ code: 0, signal: 0, failed: launched });
  });
  if (failed === undefined) return endAs(end);
  if (failed.setup) throw childFailure(failed, file, plan);
  sayUnexecuted(file, failed.error);
}

/** In the words of execve(2). */
function pairsOf(environment: Environment): string[] {
  const pairs: string[] = [];
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined) pairs.push(`${name}=${value}`);
  }
  return pairs;
}

/**
 * 127 where there is no such program, 126 where it cannot be executed, as nsenter and every shell
 * have it.
 */
function sayUnexecuted(file: string, errno: number): void {
  process.exitCode = errno === errnos.ENOENT ? 127 : 126;
  const words = errno === errnos.ENOENT ? 'there is no such program' : getSystemErrorName(errno);
  console.error(`linux-namespaces: cannot execute ${file}: ${words}`);
}

function isFromTerminal(signal: number): boolean {
  const { SIGINT, SIGQUIT } = constants.signals;
  return (signal === SIGINT || signal === SIGQUIT) && process.stdin.isTTY === true;
}

/** Dies by the same signal. What is ignored does not end us: then the exit code says it, as a shell's. */
function endAs({ code, signal }: Omit<End, 'failed'>): void {
  process.exitCode = signal === 0 ? code : 128 + signal;
  if (signal === 0) return;
  for (const name of forwarded) process.removeAllListeners(name);
  process.kill(process.pid, signal);
}
