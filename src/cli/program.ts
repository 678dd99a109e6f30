/**
 * A program run in the place of this command: its streams are ours, signals to us go to it, and we
 * end as it did.
 */
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { basename } from 'node:path';
import { spawn } from '../child/index.ts';
import type { SpawnOptions } from '../child/options.ts';
import { NamespaceError } from '../errors.ts';

/** Those that are meant for a program by whoever sends them to us. */
const forwarded = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2'] as const;

/** Runs `line` (without one, the user's shell as a login shell) in `place`, to its end. */
export async function runProgram(line: readonly string[], place: SpawnOptions): Promise<void> {
  const [file = process.env['SHELL'] || '/bin/sh', ...list] = line;
  const argv0 = line.length > 0 ? undefined : `-${basename(file)}`;
  const child = spawn(file, list, { ...place, argv0, stdio: 'inherit' } as SpawnOptions);
  await followProgram(child, file);
}

/** Node's own words for an error of the program's execution (`spawn xyz ENOENT`). */
function isExecution(error: NodeJS.ErrnoException): boolean {
  return !(error instanceof NamespaceError) && error.syscall?.startsWith('spawn') === true;
}

/**
 * Follows `child` to its end: the exit code of this process is then its own, or this process dies by
 * the same signal. 127 where there is no such program, 126 where it cannot be executed, as nsenter
 * and every shell have it.
 */
function followProgram(child: ChildProcess, file: string): Promise<void> {
  for (const signal of forwarded) {
    // From the terminal the whole group has it, the program too.
    process.on(signal, () => void (fromTerminal(signal) || child.kill(signal)));
  }
  return new Promise((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (!isExecution(error)) return reject(error);
      process.exitCode = error.code === 'ENOENT' ? 127 : 126;
      const words = error.code === 'ENOENT' ? 'there is no such program' : error.code;
      console.error(`linux-namespaces: cannot execute ${file}: ${words}`);
      resolve();
    });
    child.once('exit', (code, signal) => {
      if (signal !== null) dieBy(signal);
      process.exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
      resolve();
    });
  });
}

function fromTerminal(signal: NodeJS.Signals): boolean {
  return (signal === 'SIGINT' || signal === 'SIGQUIT') && process.stdin.isTTY === true;
}

/** What is ignored or handled does not end us: then the exit code says it, as a shell's does. */
function dieBy(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}
