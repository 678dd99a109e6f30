/**
 * The terminal that this command was started on, while a program inside has one of its own: every key
 * goes there, and all that comes from there is shown. However the command ends, it is put back as it was.
 */
import { writeSync } from 'node:fs';
import { constants } from 'node:os';
import type { Duplex } from 'node:stream';
import { binding } from '../base/binding.ts';
import { failure } from '../base/errors.ts';
import { Terminal } from '../child/terminal.ts';

/** Those that end a process, can be caught, and have a name. */
const ending = [
  ...['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGVTALRM'],
  ...['SIGIO', 'SIGPWR', 'SIGSTKFLT', 'SIGXCPU', 'SIGXFSZ', 'SIGABRT', 'SIGTRAP', 'SIGSYS'],
] as NodeJS.Signals[];

export function isTerminal(fd: number): boolean {
  return typeof binding.terminalModes(fd) !== 'number';
}

/** Of the first of stdout, stdin and stderr that is a terminal. */
export function sizeOfTerminal(): { columns: number; rows: number } | undefined {
  for (const fd of [1, 0, 2]) {
    const size = binding.terminalSize(fd);
    if (typeof size !== 'number' && size[0] > 0 && size[1] > 0) {
      return { columns: size[0], rows: size[1] };
    }
  }
  return undefined;
}

/**
 * A stream on it, whose file is our own, and so does not block whoever else has the terminal. undefined
 * where it may not be opened once more: another user's, after su(1).
 */
export function openTerminal(fd: number): Duplex | undefined {
  const file = isTerminal(fd) ? binding.terminalOpenAgain(fd) : -1;
  if (file < 0) return undefined;
  const size = { columns: 80, rows: 24 };
  const terminal = new Terminal(size, true);
  terminal.attach(file, size);
  return terminal;
}

/** As long as it is raw, every key is a byte. */
export interface RawMode {
  enter(): void;
  /** Called by any end of this process; where it is killed, a process of its own does the same. */
  restore(): void;
}

/** Raw mode of a terminal; undefined where it is none. What can fail does so here. */
export function rawModeOf(fd: number): RawMode | undefined {
  const before = binding.terminalModes(fd);
  if (typeof before === 'number') return undefined;
  const keeper = binding.terminalKeepModes(fd);
  if (typeof keeper !== 'number') {
    throw failure(keeper.error, keeper.step, { target: 'what puts the terminal back' });
  }
  return {
    enter() {
      for (const name of ending) {
        process.once(name, () => {
          this.restore();
          process.exitCode = 128 + constants.signals[name];
          process.kill(process.pid, name); // its handler is gone
        });
      }
      process.on('exit', this.restore);
      process.on('SIGTSTP', () => {
        this.restore();
        process.kill(process.pid, 'SIGSTOP');
      });
      process.on('SIGCONT', setRaw);
      setRaw();
    },
    restore() {
      binding.terminalSetModes(fd, before);
      tell(keeper, 0);
    },
  };

  function setRaw() {
    tell(keeper as number, 1);
    binding.terminalSetRaw(fd, before as Buffer);
  }
}

function tell(keeper: number, byte: number): void {
  try {
    writeSync(keeper, Buffer.of(byte));
  } catch {
    // it was killed, too
  }
}
