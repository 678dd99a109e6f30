/**
 * What a genuine ChildProcess of Node's has in the place of Node's own handle: starts the process by
 * our launcher. The one place that knows Node's private handle; its arguments are in node-arguments.ts.
 */
import { AsyncResource } from 'node:async_hooks';
import { constants } from 'node:os';
import type { Child, Spawned, SpawnFailure } from '../base/addon-child.ts';
import { binding } from '../base/binding.ts';
import { errnos } from '../base/errnos.ts';
import type { NamespaceError } from '../base/errors.ts';
import { own } from '../base/own-properties.ts';
import { setTimeout } from '../base/timers.ts';
import { markAsStarting, unmarkAsStarting } from '../target/process-identity.ts';
import { childFailure, executionAdvice } from './failures.ts';
import { hasStarted, launch, type NodeOptions, type Plan } from './launch.ts';
import { argumentsOf, source } from './node-arguments.ts';
import { isSettable } from './options.ts';
import type { Terminal } from './terminal.ts';

/** A child that libuv refuses before it does anything. */
const unstartable = own({ file: '/', stdio: [own({ type: 'fd', fd: -1 })] });

/** Of these Node makes an event; what else there is, it throws. */
const events: readonly number[] = [errnos.EACCES, errnos.EAGAIN, errnos.ENOENT];

const signalNames = new Map<number, string>();
for (const [name, number] of Object.entries(constants.signals)) {
  if (!signalNames.has(number)) signalNames.set(number, name);
}

/** In the place of Node's Process (src/process_wrap.cc). */
export class ProcessHandle extends AsyncResource {
  pid: number | undefined;
  /** Set to that of the ChildProcess: the end of the child, or a negative errno. */
  onexit: (code: number, signal: string) => void = () => {};
  /** Where the program is to be of another pid than was known at first. */
  onmove: (pid: number) => void = () => {};
  /** That of the program. */
  terminal: Terminal | undefined;
  /** Why it failed before the program was to run. */
  failure: NamespaceError | undefined;
  /** What to say besides, where it is the program itself that could not be executed. */
  advice: string | undefined;
  #child: Child | undefined;
  #isRef = true;
  /** Node's own handle has been tried, and is to be closed at the end. */
  #isTried = false;
  /** The errno of a failure that came after `spawn` had returned. */
  #late: number | undefined;
  readonly #plan: Plan;
  readonly #options: NodeOptions;
  readonly #nodes: NodesHandle;

  constructor(plan: Plan, options: NodeOptions, nodes: NodesHandle) {
    super('ChildProcess'); // not 'PROCESSWRAP', which Node's own is already
    this.#nodes = nodes;
    this.#plan = plan;
    this.#options = options;
  }

  /**
   * Node's own handle starts nothing, and stays until the end: it is what Node counts and lists as
   * active. close() frees it only where it has been tried: with a file descriptor that libuv refuses
   * before it does anything. With libuv 1.52 (Node 24.20, 26.4) it has to be closed at once, and the
   * addon puts right what libuv does then (native/child/failed_process.h). With one that is newer
   * still it is not freed, and parted from all else.
   */
  #initialize(form: number): void {
    const fate = binding.failedProcess();
    if (fate === 2) {
      for (const key of Reflect.ownKeys(this.#nodes)) Reflect.deleteProperty(this.#nodes, key);
      return;
    }
    if (form === 1) this.#nodes.spawn(unstartable);
    else this.#nodes.spawn('/', [], undefined, [], unstartable.stdio, 0, undefined, undefined);
    this.#isTried = fate === 0;
    if (this.#isTried) return;
    this.#nodes.unref();
    this.#nodes.close();
    binding.restoreFailed();
  }

  spawn(...given: unknown[]): number {
    const { file, args, envPairs, stdio } = argumentsOf(given);
    const pipes = stdio.filter(({ type }) => type === 'pipe' || type === 'overlapped');
    if (isWithoutFiles()) {
      for (const { handle } of pipes) handle?.close();
      return errnos.EMFILE;
    }
    this.#initialize(given.length);
    // What Node passes on and the kernel would take for "as it is", which is mostly root.
    const { uid, gid, cwd, detached } = own(this.#options);
    if (!isSettable(uid ?? 0) || !isSettable(gid ?? 0)) return errnos.EINVAL;
    const plan = this.#plan;
    const result = launch(
      plan,
      { file, args, envPairs, cwd, detached, uid, gid, stdio: new Int32Array(stdio.map(source)) },
      (code, signal) => this.runInAsyncScope(this.#ended, this, code, signal),
      failure => this.#remember(failure, file, args),
      pid => {
        if (this.pid !== undefined) unmarkAsStarting(this.pid);
        this.pid = pid;
        this.#markAsStarting();
        this.onmove(pid);
      },
      fd => this.#attach(fd),
    );
    const answer = hasStarted(result) ? 0 : this.#answer(result, file, args, stdio.length);
    // Then Node makes no streams on its handles, and closes none.
    const refused = answer === errnos.EMFILE || answer === errnos.ENFILE;
    stdio.forEach((one, i) => {
      if (!pipes.includes(one)) return;
      const { handle } = one;
      const fd = result.ends[i] ?? -1;
      if (fd >= 0 && (refused || (handle?.open(fd) ?? -1) < 0)) binding.close(fd);
      if (refused) handle?.close();
    });
    if (hasStarted(result)) {
      this.pid = result.pid;
      this.#child = result.child;
      if (result.isStarting) this.#markAsStarting();
      if (result.terminal >= 0) this.#attach(result.terminal);
    } else {
      this.terminal?.ended();
    }
    return answer;
  }

  #markAsStarting(): void {
    // What has failed never becomes its program.
    const settle = (milliseconds: number) =>
      this.#child === undefined ||
      (binding.childSettle(this.#child, milliseconds) && this.#late === undefined);
    if (this.pid !== undefined) markAsStarting(this.pid, settle);
  }

  #attach(fd: number): void {
    if (this.#plan.terminal === undefined) binding.close(fd);
    else this.terminal?.attach(fd, this.#plan.terminal);
  }

  /** What Node is told of a failure: it makes an event of EAGAIN and the like, and throws EINVAL. */
  #answer(failed: SpawnFailure & Spawned, file: string, args: string[], count: number): number {
    const { error, setup, step } = failed;
    this.advice = executionAdvice(failed);
    // The launcher is executed with what the program is to have.
    if (!setup || (step === 'execveat' && error === errnos.E2BIG)) return error;
    // Our ends of the pipes are open, unless one could not be made: that is Node's own error then.
    const open = failed.ends.length === count;
    if (!open && (error === errnos.ENFILE || error === errnos.EMFILE)) return error;
    this.failure = this.#failureOf(failed, file, args);
    const thrown = step === 'chdir' && !events.includes(error);
    return open && !thrown ? errnos.EAGAIN : errnos.EINVAL;
  }

  #remember(failed: SpawnFailure, file: string, args: string[]): void {
    this.#late = failed.error;
    this.advice = executionAdvice(failed);
    if (failed.setup) this.failure = this.#failureOf(failed, file, args);
  }

  #failureOf(failed: SpawnFailure, file: string, args: string[]): NamespaceError {
    const spawnargs = args.slice(1);
    return Object.assign(childFailure(failed, file, this.#plan), { spawnargs });
  }

  #ended(code: number, signal: number): void {
    this.#child = undefined;
    if (this.pid !== undefined) unmarkAsStarting(this.pid);
    this.terminal?.ended();
    if (this.#late !== undefined) this.onexit(this.#late, '');
    else this.onexit(code, signal === 0 ? '' : (signalNames.get(signal) ?? ''));
  }

  kill(signal: number): number {
    if (this.#child === undefined) return errnos.ESRCH;
    const done = binding.childKill(this.#child, signal);
    if (done === 0 && signal !== 0 && this.#isPid1()) this.#insist(1);
    return done;
  }

  /** Maybe: of a namespace that it has created or joined. */
  #isPid1(): boolean {
    const { joined, created } = this.#plan;
    return created.includes('pid') || joined.includes('pid');
  }

  /** Seven times, within five seconds: does the first process of a pid namespace really get its signal? */
  #insist(milliseconds: number): void {
    const timer = setTimeout(() => {
      const last = milliseconds > 4000;
      if (this.#child !== undefined && binding.childInsist(this.#child, last)) {
        this.#insist(milliseconds * 4);
      }
    }, milliseconds);
    timer.unref();
  }

  ref(): void {
    this.#setRef(true);
  }

  unref(): void {
    this.#setRef(false);
  }

  #setRef(wanted: boolean): void {
    this.#isRef = wanted;
    if (this.#isTried) this.#nodes[wanted ? 'ref' : 'unref']();
    if (this.#child === undefined) return;
    if (wanted) binding.childRef(this.#child);
    else binding.childUnref(this.#child);
  }

  hasRef(): boolean {
    return this.#isRef && this.#child !== undefined;
  }

  close(): void {
    if (this.#isTried) this.#nodes.close();
  }
}

/** The addon, which the first child loads, takes file descriptors: without any, Node says so. */
function isWithoutFiles(): boolean {
  try {
    return binding.spawn === undefined;
  } catch (error) {
    const { errno } = error as NamespaceError;
    if (errno === errnos.EMFILE || errno === errnos.ENFILE) return true;
    throw error;
  }
}

export interface NodesHandle {
  onexit: (code: number, signal: string) => void;
  spawn(...args: unknown[]): number;
  ref(): void;
  unref(): void;
  close(): void;
}
