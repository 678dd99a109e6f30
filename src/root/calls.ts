/**
 * Makes the calls on the files of one container. Each runs on a thread of its own, since any may block
 * forever (a file system in the container that does not answer): so it holds up neither the event loop
 * nor Node's thread pool, and can be left behind by an AbortSignal.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { abortError, onAbort, throwIfAborted } from '../base/abort.ts';
import type { CallResult, RunningCall } from '../base/addon.ts';
import { gone } from '../base/advice.ts';
import { binding } from '../base/binding.ts';
import { errnos } from '../base/errnos.ts';
import { failure, fileFailure, type NamespaceError } from '../base/errors.ts';
import { Limiter } from '../base/limiter.ts';
import { own } from '../base/own-properties.ts';
import { clearInterval, clearTimeout, setInterval, setTimeout } from '../base/timers.ts';
import { callFailure } from './failures.ts';
import type { OpenedFiles } from './open.ts';
import { operations, type Request } from './request.ts';

/** So many calls of one root run at a time: a hostile one holds no more threads than that. */
const threadsMost = 16;
/** How long an aborted call may take to stop by itself, in milliseconds, before it is left behind. */
const grace = 100;
const progressEvery = 100; // milliseconds
/** How often, and after how many milliseconds, an end is tried again for which there was no thread. */
const [endsMost, endsAfter] = [100, 10];

export class Calls {
  readonly #files: OpenedFiles;
  #over: NamespaceError | undefined;
  #replacing = 0;
  readonly #threads = new Limiter(threadsMost);
  /** What is under way, also where nobody waits for it any more. */
  readonly #underWay: Set<Promise<unknown>>;

  constructor(files: OpenedFiles, underWay: Set<Promise<unknown>> = new Set()) {
    this.#files = files;
    this.#underWay = underWay;
  }

  get target(): number | string | undefined {
    return this.#files.target;
  }

  get closed(): boolean {
    return this.#over !== undefined;
  }

  close(): void {
    this.#end(failure(errnos.EBADF, 'openat2', { advice: 'this root has been closed' }));
  }

  /** When nothing is under way any more, nor what takes back a call that has been left behind. */
  async settled(): Promise<void> {
    const stay = setInterval(() => {}, 2 ** 30); // what is left behind does not keep Node alive
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
    clearInterval(stay);
  }

  #follow(work: Promise<unknown>): void {
    this.#underWay.add(work);
    const over = () => this.#underWay.delete(work);
    work.then(over, over);
  }

  /** Calls that run finish; those on open files go on. */
  #end(reason: NamespaceError): void {
    if (this.#over !== undefined) return;
    this.#over = reason;
    this.#release();
  }

  #release(): void {
    if (this.#over !== undefined && this.#replacing === 0) binding.rootClose(this.#files.root);
  }

  async call(given: Request, tries = 0): Promise<CallResult> {
    const request = own(given);
    throwIfAborted(request.signal);
    const turn = this.#threads.enter(request.signal);
    if (turn !== undefined) await turn;
    const free = () => this.#threads.leave();
    let running: RunningCall;
    let done: Promise<CallResult>;
    let asked = (_: Buffer) => {};
    try {
      if (this.#over !== undefined && request.fd === undefined) throw this.#refused(request);
      [running, done] = binding.rootCall(
        this.#files.root,
        operations[request.operation],
        request.path,
        request.other,
        request.numbers ?? [],
        request.fd ?? -1,
        request.second ?? -1,
        request.data,
        request.fileSystems && Buffer.from(request.fileSystems.map(name => `${name}\0`).join('')),
        request.ask && (question => asked(question)),
      );
    } catch (error) {
      free();
      throw error;
    }
    done.then(free, free);
    this.#follow(done);
    if (isBegin(request)) {
      this.#replacing++;
      void done.then(({ value }) => value < 0 && this.replaced());
    }
    const result = await watched(
      running,
      done,
      request,
      () => this.#follow(done.then(late => this.#discard(late, request))),
      answer => (asked = answer),
    );
    if (result.value >= 0) return result;
    // An fd is open until it is closed, and that may block: it waits for a thread.
    if (result.refused && isEnd(request) && tries < endsMost) {
      await sleep(endsAfter);
      return this.call(given, tries + 1);
    }
    throw this.#failure(result, request);
  }

  /** The files below a directory, an fd that is taken: no link is followed there, and nothing leads up. */
  within(directory: number): Calls {
    const root = binding.rootWithin(this.#files.root, directory);
    if (typeof root === 'number') throw failure(root, 'fcntl', { target: this.target });
    return new Calls({ root, target: this.target }, this.#underWay);
  }

  /** Closes an fd that a call has opened. */
  closeFile(fd: number, shown?: string): Promise<unknown> {
    return this.call({ operation: 'close', syscall: 'close', shown, fd });
  }

  /** Takes back what a call did that nobody waits for any more. */
  async #discard({ value, fd, second, data }: CallResult, request: Request): Promise<void> {
    if (isBegin(request) && value >= 0) {
      const temporary = data.subarray(0, data.indexOf(0));
      await this.abandon(second, temporary, request.fileSystems).catch(() => {});
      this.replaced();
    }
    const open = [fd, second].filter(one => one >= 0);
    await Promise.allSettled(open.map(one => this.closeFile(one)));
  }

  /** What a call with `replace` began has been brought to its end, for which the root is needed. */
  replaced(): void {
    this.#replacing--;
    this.#release();
  }

  /** Removes the file that was to replace another one. */
  abandon(directory: number, path: Buffer, fileSystems?: readonly string[]): Promise<unknown> {
    const [operation, syscall] = ['abandon', 'unlink'] as const;
    return this.call({ operation, syscall, fd: -1, second: directory, path, fileSystems });
  }

  #refused({ syscall, shown, shownOther }: Request): NamespaceError {
    const { errno, advice } = this.#over as NamespaceError;
    const files = { path: shown, dest: shownOther };
    return fileFailure(errno, syscall, files, { target: this.target, advice });
  }

  #failure(result: CallResult, request: Request): Error {
    const { value } = result;
    if (value === errnos.ECANCELED && request.signal?.aborted) return abortError(request.signal);
    if (result.gone) {
      const advice =
        value === errnos.ESRCH
          ? gone
          : 'the process has another root by now, or it has been unmounted: open it again';
      this.#end(failure(value, 'openat2', { target: this.target, advice }));
      return this.#refused(request);
    }
    return callFailure(result, request, this.target);
  }
}

/** Is something left behind without it? */
function isEnd({ operation }: Request): boolean {
  return operation === 'close' || operation === 'abandon';
}

/** Does it leave a file to be written, which takes its name in the end? */
function isBegin({ operation, numbers }: Request): boolean {
  return operation === 'replace' || (operation === 'put' && numbers?.[8] === 1);
}

/** The result of a call; or, when it is aborted and does not stop, the reason in time. */
async function watched(
  running: RunningCall,
  done: Promise<CallResult>,
  { signal, progress, ask }: Request,
  leaveBehind: () => void,
  onQuestion: (listener: (question: Buffer) => void) => void,
): Promise<CallResult> {
  if (signal === undefined && progress === undefined && ask === undefined) return done;
  let reason: { readonly why: unknown } | undefined; // anything can be thrown
  let leave = (_: unknown) => {};
  let timer: NodeJS.Timeout | undefined;
  const left = new Promise<never>((_, reject) => {
    leave = why => {
      reason ??= { why };
      binding.rootStop(running, false);
      timer ??= setTimeout(() => {
        binding.rootStop(running, true);
        leaveBehind();
        reject(reason?.why);
      }, grace);
    };
  });
  const abort = () => leave(abortError(signal as AbortSignal));
  const report = () => {
    const [files, bytes] = binding.rootProgress(running);
    try {
      progress?.({ files, bytes });
    } catch (error) {
      leave(error);
    }
  };
  onQuestion(question => {
    ask?.(question).then(answer => binding.rootAnswer(running, answer), leave);
  });
  const reports = progress && setInterval(report, progressEvery);
  const end = signal && onAbort(signal, abort);
  try {
    const result = await Promise.race([done, left]);
    if (reason === undefined && result.value >= 0) report();
    // What is done is done: who opened something still has to close it.
    if (reason !== undefined && (result.value < 0 || !signal?.aborted)) throw reason.why;
    return result;
  } finally {
    clearInterval(reports);
    clearTimeout(timer);
    end?.();
  }
}
