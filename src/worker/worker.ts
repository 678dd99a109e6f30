/**
 * A worker as its user has it: calls that are pending, its streams, its end. Nothing of the user's is
 * sent before the process has been seen to be where it belongs.
 */
import type { Socket } from 'node:net';
import { PassThrough, type Readable } from 'node:stream';
import { markAsChild } from '../owner.ts';
import type { Types } from '../types.ts';
import { aborted, closed, exited, leftAtHome, timedOut } from './death.ts';
import { atHome } from './inside.ts';
import type { WorkerOptions, WorkerTarget } from './options.ts';
import { Output } from './output.ts';
import { type Answer, makeProtocol, type Request, type Source } from './protocol.ts';
import { sourceOf, sourcesMost } from './source.ts';
import { startWorker } from './start.ts';

/** As in execve(2) where there is no other: enough to find a program. */
const bareEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
};

interface Pending {
  resolve(answer: Answer): void;
  reject(error: unknown): void;
  timer?: NodeJS.Timeout | undefined;
}

/** What a function that runs inside gives back to us: an async iterator comes as one. */
export type Result<R> =
  Awaited<R> extends AsyncIterable<infer T>
    ? AsyncIterableIterator<T, unknown, unknown>
    : Awaited<R>;

/**
 * A Node process of our own in the namespaces of a target: from `openWorker`. Keeps this process
 * alive until it is closed; ends with it.
 */
export class NamespaceWorker {
  readonly #child;
  readonly #protocol = makeProtocol(process.getBuiltinModule('node:v8'));
  readonly #socket: Socket;
  readonly #timeout: number | undefined;
  readonly #pending = new Map<number, Pending>();
  /** The functions that have been sent, by their text. */
  readonly #numbers = new Map<string, number>();
  readonly #outputs: readonly [Output, Output];
  readonly #entered: Promise<void>;
  readonly #ended: Promise<void>;
  #unsent: Uint8Array[] | undefined = [];
  #calls = 0;
  #death: unknown;
  #pid: number | undefined;
  #stopSignal = (): void => {};

  /** @internal */
  readonly ready: Promise<void>;

  /** @internal */
  constructor(target: WorkerTarget, types: Types, options: WorkerOptions) {
    const { signal, timeout, env, stdout, stderr } = options;
    if (signal?.aborted) throw aborted(signal.reason);
    const { child, entered } = startWorker(target, types, options);
    this.#child = child;
    markAsChild(this);
    this.#timeout = timeout;
    this.#socket = child.stdio[3] as Socket;
    this.#ended = this.#watch();
    this.#listen();
    this.#outputs = [
      new Output(child.stdout as Readable, stdout ? this.stdout : process.stdout),
      new Output(child.stderr as Readable, stderr ? this.stderr : process.stderr),
    ];
    if (signal !== undefined) {
      const abort = () => this.#kill(aborted(signal.reason));
      signal.addEventListener('abort', abort, { once: true });
      this.#stopSignal = () => signal.removeEventListener('abort', abort);
    }
    this.#entered = entered.then(pid => this.#enter(pid)).catch(error => this.#kill(error));
    const execPath = process.execPath;
    this.#send(['settings', { execPath, env: flat(env ?? bareEnvironment) }]);
    this.ready = this.#expect(0).then(() => {});
    this.ready.catch(() => {});
  }

  /** The pid of its process, as we number processes. */
  get pid(): number | undefined {
    return this.#pid;
  }

  /** What it writes, with the option `stdout`; nothing comes here otherwise. */
  readonly stdout: PassThrough = new PassThrough();
  /** The same for stderr. */
  readonly stderr: PassThrough = new PassThrough();

  /**
   * Runs `fn` inside, with `args`, and gives back what it returns. `fn` goes as source: it sees no
   * variables around it, but the globals of Node there, its modules among them (`fs`, `os`, ...),
   * `require` and `import()`. Arguments and result are cloned (structured clone; a message has at
   * most 256 MiB); of an async iterator each value as it is asked for.
   *
   * Rejects with what `fn` throws; with a DataCloneError; with a `WorkerError` when the worker ends.
   */
  async evaluate<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): Promise<Result<R>> {
    const id = ++this.#calls;
    const [kind, , value] = await this.#ask(['call', id, this.#numberOf(sourceOf(fn)), ...args]);
    return (kind === 'iterator' ? this.#iterate(id) : value) as Result<R>;
  }

  /** Ends the worker, and rejects what is pending. Fulfilled when its process is gone. */
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
      const [kind, , value] = await this.#ask([what, ++this.#calls, iterator]);
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
    this.#send(['function', number, source]);
    this.#numbers.set(source.text, number);
    return number;
  }

  #ask(
    request: Extract<Request, readonly [string, number, number, ...unknown[]]>,
  ): Promise<Answer> {
    if (this.#death !== undefined) return Promise.reject(this.#death);
    this.#send(request);
    return this.#expect(request[1]);
  }

  #send(request: Request): void {
    if (this.#death !== undefined) return;
    const bytes = this.#protocol.encode(request);
    if (this.#unsent === undefined) this.#socket.write(bytes);
    else this.#unsent.push(bytes);
  }

  #expect(id: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const limit = this.#timeout;
      const timer =
        limit === undefined ? undefined : setTimeout(() => this.#kill(timedOut(limit)), limit);
      this.#pending.set(id, { resolve, reject, timer });
    });
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    clearTimeout(pending?.timer);
    this.#pending.delete(id);
    return pending;
  }

  #enter(pid: number): void {
    this.#pid = pid;
    const unsent = this.#unsent ?? [];
    this.#unsent = undefined;
    for (const bytes of unsent) this.#socket.write(bytes);
  }

  #hear(answer: Answer): void {
    const [kind, id] = answer;
    if (kind === 'ready') this.#entered.then(() => this.#settle(0)?.resolve(answer));
    else if (kind === 'error') this.#settle(id)?.reject(this.#protocol.unpack(answer[2]));
    else this.#settle(id)?.resolve(answer);
  }

  #listen(): void {
    const hear = this.#protocol.receiver(answer => this.#hear(answer as Answer));
    this.#socket.on('data', bytes => {
      try {
        hear(bytes);
      } catch (error) {
        this.#kill(error);
      }
    });
    // Where it is the process that has ended, its exit code says more.
    this.#socket.on('error', () => {});
  }

  #watch(): Promise<void> {
    const child = this.#child;
    return new Promise(done => {
      child.once('error', error => {
        this.#die(error);
        this.stdout.end();
        this.stderr.end();
        done();
      });
      child.once('exit', async (code, signal) => {
        this.#socket.destroy();
        await Promise.all(this.#outputs.map(output => output.drain()));
        const isHome = this.#unsent !== undefined && code === atHome;
        this.#die(isHome ? leftAtHome() : exited(code, signal, this.#outputs[1].last));
        this.stdout.end();
        this.stderr.end();
        done();
      });
    });
  }

  #kill(error: unknown): void {
    this.#die(error);
    this.#child.kill('SIGKILL');
  }

  #die(error: unknown): void {
    this.#stopSignal();
    if (this.#death !== undefined) return;
    this.#death = error;
    for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(error);
  }
}

function flat(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const pairs = Object.entries(env).filter(([, value]) => value !== undefined);
  return Object.fromEntries(pairs.map(([name, value]) => [name, String(value)]));
}
