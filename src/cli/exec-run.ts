/** How what `exec` runs is joined to this command: on a terminal of its own, by pipes, or not at all. */
import type { ChildProcess } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { SpawnOptions } from '../child/options.ts';
import type { ChildOf } from '../child/signatures.ts';
import { spawn } from '../child/spawn.ts';
import type { Terminal } from '../child/terminal.ts';
import { isStarting } from '../target/process-identity.ts';
import { type Arguments, type Options, UsageError } from './arguments.ts';
import { inherited } from './inherited.ts';
import { isTerminal, openTerminal, rawModeOf, sizeOfTerminal } from './operator-terminal.ts';
import { type ProgramOptions, runProgram } from './program.ts';
import { bytesOfWords } from './raw-words.ts';

export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why there was no program. */
  readonly failed: NodeJS.ErrnoException | undefined;
}

/** The words of a program, and where they are on the line. */
export interface Line extends Pick<Arguments<Options>, 'rest' | 'after'> {
  /** What helps where there is no such program. */
  readonly hint: string;
  /** As of `Waiting`. */
  readonly directory?: string | undefined;
}

export type Run = (line: Line, options: SpawnOptions, interactive: boolean) => Promise<End>;

/** Milliseconds between two looks whether a program has been executed. */
const pause = 20;

/** Milliseconds that docker exec waits for more output when a program has ended. */
const moreOutput = 2000;
/** More bytes than are in a pipe. */
const restMost = 1 << 20;

/** The exit code where something fails before a program is executed. */
export const notStarted = 125;

/** What options of the library are called in `exec` and `debug`. */
export const optionNames = {
  uid: '--user',
  gid: '--user',
  groups: '--user',
  cwd: '--workdir',
  tools: '--tools',
};

const start = ((line: Line, options: SpawnOptions) => {
  const [file = '', ...list] = line.rest;
  requireText(line);
  return spawn(file, list, options);
}) as <O extends SpawnOptions>(line: Line, options: O) => ChildOf<O['stdio'], O['terminal']>;

/** Node's functions take strings; the launcher in our place takes bytes. */
function requireText({ rest, after }: Line): void {
  bytesOfWords(rest, after).forEach((bytes, i) => {
    if (bytes.equals(Buffer.from(rest[i] as string))) return;
    throw new UsageError(
      `${rest[i]}: no UTF-8, which only stdout and stderr that are pipes let through`,
    );
  });
}

export const runOnTerminal: Run = async (line, options, interactive) => {
  const raw = interactive ? rawModeOf(0) : undefined;
  const terminal = sizeOfTerminal() ?? true;
  const child = start(line, { ...options, terminal });
  const ended = endOf(child, 'exit');
  const screen: Writable = openTerminal(1) ?? process.stdout;
  const lost = lossOf(screen);
  const hangUp = () => child.terminal.destroy();
  screen.on('error', hangUp).on('close', hangUp);
  child.terminal.pipe(screen, { end: false });
  await launched(child, ended); // until then Ctrl-C ends us
  raw?.enter();
  const resize = () => {
    const size = sizeOfTerminal();
    if (size !== undefined) child.terminal.resize(size.columns, size.rows);
  };
  process.on('SIGWINCH', resize);
  process.on('SIGCONT', resize);
  const keyboard: Readable | undefined = interactive
    ? (openTerminal(0) ?? process.stdin)
    : undefined;
  keyboard?.on('end', hangUp).on('error', hangUp).pipe(child.terminal, { end: false });
  const end = await ended;
  await shown(child.terminal, screen);
  raw?.restore();
  keyboard?.destroy();
  lost.check();
  return end;
};

/** All that the program has written before its end; what it has left running is not waited for. */
async function shown(terminal: Terminal, screen: Writable): Promise<void> {
  terminal.endSoon();
  await finished(terminal, { writable: false }).catch(() => {}); // hung up
  if (screen.destroyed) return;
  await new Promise<void>(resolve => {
    screen.once('close', () => resolve());
    screen.write('', () => resolve()); // what was written before it has been, too
  });
}

/**
 * No file of ours is handed on: into a terminal a program could type (TIOCSTI), of a file or a device it could
 * change the mode or owner, and by a socket it could pass descriptors. Where all three are pipes, which nobody
 * finds by a name, this process becomes the program, with these and nothing else of the caller's.
 */
export const runPiped: Run = async (line, options, interactive) => {
  const inPlace = line.rest[0] !== '' && (interactive ? [0, 1, 2] : [1, 2]).every(isPipe);
  if (inPlace) runInPlace(line, options, interactive);
  const child = start(line, {
    ...options,
    stdio: [interactive ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  });
  for (const name of ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2'] as const) {
    process.on(name, () => child.kill(name));
  }
  const ended = endOf(child, 'exit');
  const closed = endOf(child, 'close');
  const lost = [lossOf(process.stdout), lossOf(process.stderr), lossWhereClosed(child.stdout)];
  const input = child.stdin;
  if (input !== null) {
    // A terminal that has gone; or what can be written alone, as under nohup(1).
    lost.push(lossOf(process.stdin, isTerminal(0) ? ['EIO'] : ['EBADF']));
    input.on('error', () => process.stdin.destroy());
    process.stdin.on('error', () => input.end()).pipe(input);
  }
  join(child.stdout, process.stdout);
  join(child.stderr, process.stderr);
  const end = await ended;
  // Whoever in there has its output open, as what it has left running, may keep it open for ever.
  const over = new AbortController();
  const { signal } = over;
  await Promise.race([closed, sleep(moreOutput, undefined, { signal }).catch(() => {})]);
  over.abort();
  await Promise.all([
    takeRest(child.stdout, process.stdout),
    takeRest(child.stderr, process.stderr),
  ]);
  if (input !== null) process.stdin.destroy();
  for (const one of lost) one.check();
  return end;
};

/** What is in a pipe whose program has ended: in two turns of the loop nothing comes of one that is empty. */
async function takeRest(from: Readable | null, to: Writable): Promise<void> {
  if (from?.closed !== false) return;
  let [length, idle] = [0, 0];
  from.unpipe(to);
  from.on('data', (bytes: Buffer) => {
    length += bytes.length;
    idle = 0;
    to.write(bytes);
  });
  from.resume();
  for (; idle < 2 && length < restMost && !from.closed; idle++) await turn();
  from.destroy();
}

function isPipe(fd: number): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).startsWith('pipe:'); // a path begins with a slash
  } catch {
    return false;
  }
}

/** Returns never; throws what failed. */
function runInPlace(line: Line, options: SpawnOptions, interactive: boolean): void {
  const { nonBlocking } = inherited();
  const none = { ignored: 0n, blocked: 0n, openFiles: 0n, environment: undefined };
  runProgram(
    line,
    options as ProgramOptions,
    {
      ...{
        forward: true,
        signalAsCode: true,
        failed: notStarted,
        withoutInput: !interactive,
        optionNames,
      },
      ...{ programHint: line.hint, directory: line.directory },
    },
    {},
    { ...none, nonBlocking, descriptors: [0, 1, 2] },
  );
}

/** What could not be written is no success; where nobody reads any more, it is not missed. */
function lossOf(
  stream: Writable | Readable,
  unmissed: readonly string[] = ['EPIPE', 'EIO'],
): { check: () => void } {
  let lost: NodeJS.ErrnoException | undefined;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    lost ??= error;
  });
  return {
    check() {
      if (lost !== undefined && !unmissed.includes(lost.code ?? '')) throw lost;
    },
  };
}

/** Node has opened /dev/null in the place of what the command was started without. */
function lossWhereClosed(from: Readable | null): { check: () => void } {
  let isLost = false;
  if (!inherited().descriptors.includes(1)) {
    from?.once('data', () => {
      isLost = true;
    });
  }
  return {
    check() {
      if (isLost) throw new Error('stdout is closed');
    },
  };
}

/** Where nobody reads any more, the program is told so, by SIGPIPE. */
function join(from: Readable | null, to: Writable): void {
  to.on('error', () => from?.destroy());
  from?.pipe(to, { end: false });
}

export const runDetached: Run = async (line, options) => {
  const child = start(line, { ...options, stdio: 'ignore' });
  const ended = endOf(child, 'exit');
  await launched(child, ended);
  const { failed } = await (child.pid ? Promise.race([ended, { failed: undefined }]) : ended);
  child.unref();
  return { code: 0, signal: null, failed };
};

/** The launcher, which ends with us, is not the program yet: a file system inside may be slow. */
async function launched(child: ChildProcess, ended: Promise<End>): Promise<void> {
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  while (!isOver && isStarting(child.pid)) await sleep(pause);
}

/** Without having become the program, at once or later: then there is no 'exit'. */
function hasFailed({ pid, exitCode }: ChildProcess): boolean {
  return pid === undefined || exitCode !== null;
}

function endOf(child: ChildProcess, name: 'exit' | 'close'): Promise<End> {
  return new Promise(resolve => {
    let failed: NodeJS.ErrnoException | undefined;
    child.once('error', error => {
      failed = error;
      if (hasFailed(child)) resolve({ code: null, signal: null, failed });
    });
    child.once(name, (code, signal) => resolve({ code, signal, failed }));
  });
}
