/**
 * What a worker writes to its pipes: stdout and stderr, to ours, whole, and its last words for an error;
 * and the end of any of its pipes, which other processes may hold open and write to forever.
 */
import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { binding } from '../base/binding.ts';

/** Our end of a pipe, for reading. */
export interface Reading {
  readonly fd: number;
  readonly socket: Socket;
}

const lastMost = 4096;

/** What a pipe holds, at most, unless somebody has more rights: fs.pipe-max-size, pipe(7). */
const restMost = 1 << 20;

/** The loop reads in each turn what is there: a few are enough, and more is somebody else's game. */
const turnsMost = 1000;

/**
 * To be called when the process has ended: all that it wrote itself waits in the pipe. Takes that much
 * and closes; what others write meanwhile is theirs.
 */
export async function takeRest({ fd, socket }: Reading): Promise<void> {
  if (socket.destroyed) return;
  socket.resume();
  const end = socket.bytesRead + Math.min(binding.unread(fd), restMost);
  for (let turns = 0; turns < turnsMost; turns++) {
    await turn();
    if (socket.destroyed) return;
    if (socket.readableLength > 0) continue;
    // Others may also have read it.
    if (socket.bytesRead >= end || binding.unread(fd) <= 0) break;
  }
  socket.destroy();
}

const waits = new WeakMap<Writable, Promise<void>>();

/** Once for all that wait for it, as any number of workers may write to ours. What is closed takes no more. */
function drained(to: Writable): Promise<void> {
  const known = waits.get(to);
  if (known !== undefined) return known;
  const wait = new Promise<void>(done => {
    const events = ['drain', 'close'] as const;
    const over = () => {
      for (const event of events) to.off(event, over);
      waits.delete(to);
      done();
    };
    for (const event of events) to.on(event, over);
  });
  waits.set(to, wait);
  return wait;
}

/**
 * Reads one of the streams into another: ours, or one for the caller. Waits for it where it is full; where nobody
 * can read that any more, what comes is dropped.
 */
export class Output {
  readonly #from: Reading;
  #last = '';
  #over = false;

  /** `failed`: what it writes from now on cannot be read. */
  constructor(from: Reading, to: Writable, failed: (error: Error) => void) {
    this.#from = from;
    const { socket } = from;
    socket.on('data', (chunk: Buffer) => {
      this.#last = (this.#last + chunk.subarray(-lastMost).toString('latin1')).slice(-lastMost);
      if (to.write(chunk) || this.#over || to.destroyed) return;
      socket.pause();
      void drained(to).then(() => socket.resume());
    });
    socket.on('error', failed);
  }

  /** The last that came, at most 4 KiB. */
  get last(): string {
    return Buffer.from(this.#last, 'latin1').toString();
  }

  /** After the end of the process: until all that it wrote has been read. */
  drain(): Promise<void> {
    this.#over = true;
    return takeRest(this.#from);
  }

  destroy(): void {
    this.#from.socket.destroy();
  }
}
