/**
 * A worker as its user has it: calls that are pending, its streams, its end. Nothing of the user's is
 * sent before the process has been seen to be where it belongs.
 */

import type { PassThrough } from 'node:stream';
import { builtin } from '../base/lazy-builtins.ts';
import type { Types } from '../base/namespace-types.ts';
import { clearTimeout, setTimeout } from '../base/timers.ts';
import { trace } from '../base/trace.ts';
import { bareEnvironment } from '../child/environ.ts';
import { markAsChild } from '../target/process-identity.ts';
import { type Answer, Calls } from './calls.ts';
import type { Channel } from './channel.ts';
import { aborted, closed, exited, stayedOutside } from './errors.ts';
import { resultMost, type WorkerOptions, type WorkerTarget } from './options.ts';
import { Output, takeRest } from './output.ts';
import { notJoined } from './program.ts';
import { makeProtocol, type Request, type Source } from './protocol.ts';
import { sourceOf, sourcesMost } from './source.ts';
import { startWorker } from './start.ts';

const streams = builtin('node:stream');

/** How much of `stdout` and `stderr` waits for its reader before the worker has to. */
const highWaterMark = 1 << 20;

/** In milliseconds: a killed process can be held up by a file system that never answers. */
const killMost = 1000;

/**
 * What a function that runs inside gives back to us: an async iterator comes as one. (Before TypeScript 5.6,
 * AsyncIterableIterator takes one type only.)
 */
export type Result<R> =
  Awaited<R> extends AsyncIterable<infer T>
    ? AsyncIterator<T, unknown, unknown> & AsyncIterable<T>
    : Awaited<R>;

/**
 * A Node process of our own in the namespaces of a target: from `openWorker`. Keeps this process
 * alive until it is closed; ends with it.
 */
export class NamespaceWorker {
  readonly #child;
  readonly #channel: Channel;
  readonly #protocol = makeProtocol(process.getBuiltinModule('node:v8'));
  readonly #waiting: Calls;
  /** The functions that have been sent, by their text. */
  readonly #numbers = new Map<string, number>();
  readonly #outputs: readonly [Output, Output];
  readonly #ended: Promise<void>;
  #end: () => void = () => {};
  #unsent: Uint8Array[] | undefined = [];
  #calls = 0;
  #death: unknown;
  #pid: number | undefined;
  #giveUp: NodeJS.Timeout | undefined;
  #isOver = false;
  #stopSignal = (): void => {};

  /** @internal */
  readonly ready: Promise<void>;

  /** @internal */
  constructor(target: WorkerTarget, types: Types, options: WorkerOptions) {
    const { signal, timeout, env, stdout, stderr } = options;
    if (signal?.aborted) throw aborted(signal);
    const { child, channel, entered, credentials } = startWorker(target, types, options);
    const { maxResultBytes = resultMost[credentials] } = options;
    this.#child = child;
    markAsChild(this);
    this.#channel = channel;
    this.#ended = new Promise(done => {
      this.#end = done;
    });
    this.#waiting = new Calls(this.#protocol, maxResultBytes, timeout, error => this.#kill(error));
    this.#outputs = [
      new Output(channel.stdout, stdout ? this.stdout : process.stdout, this.#failed),
      new Output(channel.stderr, stderr ? this.stderr : process.stderr, this.#failed),
    ];
    this.#watch();
    this.#listen();
    if (signal !== undefined) {
      const abort = () => this.#kill(aborted(signal));
      signal.addEventListener('abort', abort, { once: true });
      this.#stopSignal = () => signal.removeEventListener('abort', abort);
    }
    entered.then(
      pid => this.#enter(pid),
      error => this.#kill(error),
    );
    const { execPath } = process;
    this.ready = this.#ask('settings', {
      execPath,
      env: flat(env ?? bareEnvironment),
      maxResultBytes,
    }).then(() => {});
    this.ready.catch(() => {});
  }

  /** The pid of its process, as we number processes. */
  get pid(): number | undefined {
    return this.#pid;
  }

  /** What it writes, with the option `stdout`; nothing comes here otherwise. */
  readonly stdout: PassThrough = new (streams().PassThrough)({ highWaterMark });
  /** The same for stderr. */
  readonly stderr: PassThrough = new (streams().PassThrough)({ highWaterMark });

  /**
   * Runs `fn` inside, with `args`, and gives back what it returns. `fn` goes as source: it sees no
   * variables around it, but the globals of Node there, its modules among them (`fs`, `os`, ...),
   * `require` and `import()`. Arguments and result are cloned (structured clone; arguments have at
   * most 256 MiB, a result `maxResultBytes`); of an async iterator each value as it is asked for.
   *
   * Rejects with what `fn` throws; with a DataCloneError; with a `WorkerError` when the worker ends.
   */
  async evaluate<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): Promise<Result<R>> {
    const asked = [this.#numberOf(sourceOf(fn)), ...args];
    const answer = this.#ask('call', asked, asked.every(this.#protocol.isPlain));
    const id = this.#calls;
    const { kind, value } = await answer;
    return (kind === 'iterator' ? this.#iterate(id) : value) as Result<R>;
  }

  /**
   * Ends the worker, and rejects what is pending. Fulfilled when its process is gone; where the kernel
   * cannot end that (a file system that never answers), a second later.
   */
  async close(): Promise<void> {
    this.#kill(closed());
    await this.#ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #iterate(iterator: number): AsyncIterableIterator<unknown> {
    let over = false;
    const step = async (what: 'next' | 'return'): Promise<IteratorResult<unknown>> => {
      if (over) return { done: true, value: undefined };
      const { kind, value } = await this.#ask(what, iterator, true);
      if (kind === 'done') over = true;
      return { done: kind === 'done', value };
    };
    return {
      next: () => step('next'),
      return: () => step('return'),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  #numberOf(source: Source): number {
    const known = this.#numbers.get(source.text);
    if (known !== undefined) return known;
    if (this.#numbers.size >= sourcesMost) this.#numbers.clear(); // the new ones take their numbers
    const number = this.#numbers.size;
    this.#send('function', 0, [number, source], false);
    this.#numbers.set(source.text, number);
    return number;
  }

  #ask(request: Request, value: unknown, asJson = false): Promise<Answer> {
    const id = this.#death === undefined ? ++this.#calls : 0;
    this.#send(request, id, value, asJson);
    return this.#waiting.add(id, request);
  }

  #send(request: Request, id: number, value: unknown, asJson: boolean): void {
    if (this.#death !== undefined) return;
    const { encode, most } = this.#protocol;
    const bytes = encode(request, id, value, asJson, most);
    if (this.#unsent === undefined) this.#channel.requests.write(bytes);
    else this.#unsent.push(bytes);
  }

  #enter(pid: number): void {
    trace('worker entered', () => ({ pid }));
    this.#pid = pid;
    const unsent = this.#unsent ?? [];
    this.#unsent = undefined;
    for (const bytes of unsent) this.#channel.requests.write(bytes);
  }

  /** A worker that cannot be asked, or cannot answer, is none; its exit code may say why. */
  #listen(): void {
    const { answers, requests } = this.#channel;
    answers.socket.on('data', this.#waiting.receiver());
    for (const socket of [answers.socket, requests]) {
      socket.on('error', this.#failed);
      socket.on('close', () => this.#terminate());
    }
  }

  /** Of a pipe. That the other end is closed says less than the end of the process, which comes. */
  #failed = (error: NodeJS.ErrnoException): void => {
    if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') this.#kill(error);
  };

  #watch(): void {
    const child = this.#child;
    child.on('error', error => {
      this.#die(error);
      this.#finish(); // it never was, or cannot be killed
    });
    child.once('exit', async (code, signal) => {
      await Promise.all([
        takeRest(this.#channel.answers),
        ...this.#outputs.map(output => output.drain()),
      ]);
      const isOutside = this.#unsent !== undefined && code === notJoined;
      this.#die(isOutside ? stayedOutside() : exited(code, signal, this.#outputs[1].last));
      this.#finish();
    });
  }

  #kill(error: unknown): void {
    this.#die(error);
    this.#terminate();
  }

  #terminate(): void {
    if (this.#isOver) return;
    this.#child.kill('SIGKILL');
    this.#giveUp ??= setTimeout(() => {
      this.#die(exited(null, 'SIGKILL', this.#outputs[1].last));
      this.#finish();
    }, killMost);
  }

  #finish(): void {
    this.#isOver = true;
    clearTimeout(this.#giveUp);
    this.#child.unref();
    this.#channel.destroy();
    this.stdout.end();
    this.stderr.end();
    this.#end();
  }

  #die(error: unknown): void {
    this.#stopSignal();
    if (this.#death !== undefined) return;
    trace('worker ended', () => ({ pid: this.#pid, code: (error as { code?: unknown }).code }));
    this.#death = error;
    this.#waiting.rejectAll(error);
    this.#channel.close();
  }
}

function flat(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const pairs = Object.entries(env).filter(([, value]) => value !== undefined);
  return Object.fromEntries(pairs.map(([name, value]) => [name, String(value)]));
}
