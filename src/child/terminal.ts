/**
 * A terminal of which the other end is a program's: a Duplex. Polled here until the kernel says EIO, and
 * not by Node's tty.ReadStream: libuv takes a hangup after a short read for the end, and loses what is
 * still to be read.
 */
import { AsyncResource } from 'node:async_hooks';
import type stream from 'node:stream';
import type { WatchedFile } from '../base/addon-child.ts';
import { binding } from '../base/binding.ts';
import { errnos } from '../base/errnos.ts';
import { failure } from '../base/errors.ts';
import { builtin, standInFor } from '../base/lazy-builtins.ts';
import { clearTimeout, setTimeout } from '../base/timers.ts';
import { checkSize } from './terminal-options.ts';

const streams = builtin('node:stream');
const Duplex: typeof stream.Duplex = standInFor(() => streams().Duplex);

/** Bits of what is waited for, as libuv has them. */
const readable = 1;
const writable = 2;

/** As much as is read at once; between two of these, the event loop turns. */
const scratch = 65_536;
let bytes: Buffer | undefined;

/** More bytes than a terminal holds that is not read. */
const most = 1 << 16;

/** Milliseconds until we look again, from the first to the last time. */
const pauses = { first: 10, last: 1000 };

/**
 * Our end of the terminal of a child: what the program writes is read from it, and what is written to it
 * has been typed. It ends when the program has ended and the last process that has the terminal open has
 * closed it. What is written after that goes nowhere, and `end()` is no end to the program: that is what typing Ctrl-D is for.
 * `destroy()` hangs up: SIGHUP to the session.
 */
export class Terminal extends Duplex {
  #columns: number;
  #rows: number;
  #file: WatchedFile | undefined;
  #awaited = 0;
  #unwritten: { chunk: Buffer; done: (error?: Error | null) => void } | undefined;
  #wanted = false;
  /** The program has ended. */
  #over = false;
  #finished = false;
  /** How many bytes are still read, where it is to end with what there is. */
  #rest: number | undefined;
  #pause: { timer: NodeJS.Timeout; time: number } | undefined;
  readonly #resource = new AsyncResource('LINUX_NAMESPACES_TERMINAL');

  /** @internal `isOver`: no program has to end before the terminal does. */
  constructor(
    { columns, rows }: { readonly columns: number; readonly rows: number },
    isOver = false,
  ) {
    super({ allowHalfOpen: false, decodeStrings: true });
    this.#over = isOver;
    this.#columns = columns;
    this.#rows = rows;
  }

  /** As it was made, or last resized by us. */
  get columns(): number {
    return this.#columns;
  }

  get rows(): number {
    return this.#rows;
  }

  /** The program is told by SIGWINCH. Of a terminal that has ended, nothing is done. TIOCSWINSZ. */
  resize(columns: number, rows: number): void {
    this.#columns = checkSize('columns', columns);
    this.#rows = checkSize('rows', rows);
    if (this.#file === undefined) return;
    const done = binding.watchedSetSize(this.#file, columns, rows);
    if (done < 0) throw failure(done, 'ioctl');
  }

  /** @internal Takes the fd: the program has been executed. */
  attach(fd: number, { columns, rows }: { columns: number; rows: number }): void {
    const file = binding.watchFile(fd, events => {
      this.#resource.runInAsyncScope(this.#ready, this, events);
    });
    if (typeof file === 'number') {
      this.destroy(failure(file, 'epoll_ctl'));
      return;
    }
    this.#file = file;
    if (this.destroyed) {
      this.#close();
      return;
    }
    if (columns !== this.#columns || rows !== this.#rows) this.resize(this.#columns, this.#rows);
    if (this.#wanted) this.#await(readable, true);
    this.#flush();
  }

  /** @internal The program has ended, or was never run: what nobody reads is passed over, as Node's pipes. */
  ended(): void {
    this.#over = true;
    if (this.#file === undefined) this.#finish();
    else if (this.#pause !== undefined) this.#resume();
    process.nextTick(() => {
      if (this.readableFlowing === null) this.resume();
    });
  }

  /**
   * @internal Ends with what has been written until now: of what the program has left running nothing more is
   * waited for. A read that finds nothing says so: the kernel first takes in all that is on its way (n_tty_read()).
   */
  endSoon(): void {
    this.#rest = most;
    if (this.#wanted) this.#pull();
  }

  override _read(): void {
    this.#wanted = true;
    this.#await(readable, true);
    if (this.#rest !== undefined) process.nextTick(() => this.#pull());
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#unwritten = { chunk, done };
    if (this.#finished) this.#written();
    else this.#flush();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#close();
    this.#written();
    done(error);
  }

  #ready(events: number): void {
    const isHungUp = events < 0; // libuv waits for nothing more; reading and writing say what there is
    if (isHungUp) this.#awaited = 0;
    if (isHungUp || events & writable) this.#flush();
    if (isHungUp || events & readable) this.#pull();
  }

  #pull(): void {
    const file = this.#file;
    if (file === undefined || !this.#wanted) return;
    bytes ??= Buffer.allocUnsafeSlow(scratch);
    const length = binding.watchedRead(file, bytes);
    if (length === errnos.EAGAIN) {
      if (this.#rest !== undefined) this.#finish();
      return;
    }
    if (length < 0 && length !== errnos.EIO) {
      this.destroy(failure(length, 'read'));
      return;
    }
    if (length < 0) {
      if (this.#over) this.#finish();
      else this.#lookLater();
      return;
    }
    this.#pause = undefined;
    this.#wanted = false;
    if (this.#rest !== undefined) this.#rest -= length;
    if (!this.push(Buffer.from(bytes.subarray(0, length)))) this.#await(readable, this.#wanted);
    if (this.#rest !== undefined && this.#rest <= 0) this.#finish();
  }

  /**
   * Nobody has it open; but it still is the terminal of the program's session, which may open it once
   * more, by /dev/tty, and would be sent SIGHUP if we closed our end. The kernel says nothing of that.
   */
  #lookLater(): void {
    this.#await(readable, false);
    const { last, first } = pauses;
    const time = Math.min(last, (this.#pause?.time ?? first / 2) * 2);
    const timer = setTimeout(() => this.#resume(), time);
    this.#pause = { timer, time };
  }

  #resume(): void {
    clearTimeout(this.#pause?.timer);
    this.#await(readable, true);
  }

  #flush(): void {
    const file = this.#file;
    while (file !== undefined && this.#file === file && this.#unwritten !== undefined) {
      const { chunk } = this.#unwritten;
      const length = binding.watchedWrite(file, chunk);
      if (length === errnos.EAGAIN) {
        this.#await(writable, true);
        return;
      }
      this.#await(writable, false);
      if (length < 0 && length !== errnos.EIO) this.#written(failure(length, 'write'));
      else if (length >= 0 && length < chunk.length) this.#unwritten.chunk = chunk.subarray(length);
      else this.#written();
    }
  }

  #written(error?: Error): void {
    const unwritten = this.#unwritten;
    this.#unwritten = undefined;
    unwritten?.done(error);
  }

  #await(event: number, on: boolean): void {
    const all = on ? this.#awaited | event : this.#awaited & ~event;
    if (this.#file === undefined || all === this.#awaited) return;
    this.#awaited = all;
    const failed = binding.watchFor(this.#file, all);
    if (failed < 0) this.destroy(failure(failed, 'epoll_ctl'));
  }

  /** All that was written to the terminal has been read. */
  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#close();
    this.push(null);
    this.#written();
  }

  #close(): void {
    const file = this.#file;
    this.#file = undefined;
    clearTimeout(this.#pause?.timer);
    if (file !== undefined) binding.watchedClose(file);
  }
}
