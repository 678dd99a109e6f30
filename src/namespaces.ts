/**
 * `Namespaces`: a handle that keeps namespaces open, whatever becomes of the process they were taken
 * from. Its methods are doors to the rooms above, which are loaded when they are first used (the one
 * documented import upwards).
 */
import type { ChildProcess, ExecException, ExecFileException } from 'node:child_process';
import { createRequire } from 'node:module';
import { binding } from './binding.ts';
import { exec, execFile, fork, spawn, within } from './child/index.ts';
import type { ExecFileOptions, ExecOptions, ForkOptions, SpawnOptions } from './child/options.ts';
import type { ChildOf, Done } from './child/signatures.ts';
import { checkTypes, failure, invalidValue } from './errors.ts';
import type { Fds } from './fds.ts';
import { openTarget, type Target } from './target.ts';
import type { NamespaceType, Types } from './types.ts';

const load = createRequire(import.meta.url);
let callbacks: typeof import('./callback/run.ts') | undefined;

/** For handles that were dropped without being closed. */
const dropped = new FinalizationRegistry<Fds>(fds => fds.release());

/**
 * Open namespaces, at most one of each type. They stay alive for as long as the handle is open, even
 * when no process is left in them. From `openNamespaces`, `createNamespaces` or `currentNamespaces`.
 */
export class Namespaces {
  #fds: Fds | undefined;

  /** @internal */
  constructor(fds: Fds) {
    this.#fds = fds;
    dropped.register(this, fds, this);
  }

  /** @internal */
  get open(): boolean {
    return this.#fds !== undefined;
  }

  /** The types that this handle holds. */
  get types(): readonly NamespaceType[] {
    return this.fds().types;
  }

  /**
   * Runs `fn` inside all namespaces of this handle; otherwise as `withNamespaces`. The handle may be
   * closed while work that `fn` started goes on: that holds the namespaces itself.
   */
  run<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): R {
    callbacks ??= load('./callback/run.js') as typeof import('./callback/run.ts');
    return callbacks.runInside(this.fds(), fn, args);
  }

  /** `spawn` into the namespaces of this handle. It may be closed as soon as this has returned. */
  spawn<const O extends SpawnOptions = {}>(file: string, options?: O): ChildOf<O>;
  spawn<const O extends SpawnOptions = {}>(
    file: string,
    args?: readonly string[] | null,
    options?: O,
  ): ChildOf<O>;
  spawn(...args: unknown[]): ChildProcess {
    return within(spawn, this, args);
  }

  /** `exec` in the namespaces of this handle. */
  exec<const O extends ExecOptions>(
    command: string,
    options: O | null | undefined,
    callback?: Done<ExecException, O>,
  ): ChildProcess;
  exec(command: string, callback?: Done<ExecException, {}>): ChildProcess;
  exec(...args: unknown[]): ChildProcess {
    return within(exec, this, args);
  }

  /** `execFile` in the namespaces of this handle. */
  execFile(file: string, callback?: Done<ExecFileException, {}>): ChildProcess;
  execFile(
    file: string,
    args: readonly string[] | null | undefined,
    callback?: Done<ExecFileException, {}>,
  ): ChildProcess;
  execFile<const O extends ExecFileOptions>(
    file: string,
    options: O,
    callback?: Done<ExecFileException, O>,
  ): ChildProcess;
  execFile<const O extends ExecFileOptions>(
    file: string,
    args: readonly string[] | null | undefined,
    options: O | null | undefined,
    callback?: Done<ExecFileException, O>,
  ): ChildProcess;
  execFile(...args: unknown[]): ChildProcess {
    return within(execFile, this, args);
  }

  /** `fork` in the namespaces of this handle. */
  fork(modulePath: string | URL, options?: ForkOptions): ChildProcess;
  fork(
    modulePath: string | URL,
    args?: readonly string[] | null,
    options?: ForkOptions,
  ): ChildProcess;
  fork(...args: unknown[]): ChildProcess {
    return within(fork, this, args);
  }

  /**
   * The file descriptor that holds the namespace of this type. It stays the handle's own: it is
   * closed with it, and must not be closed by anybody else.
   */
  fd(type: NamespaceType): number {
    const fd = this.fds().get(type);
    if (fd !== undefined) return fd;
    throw invalidValue('type', `one of ${this.fds().types.join(', ') || 'none'}`, type);
  }

  /** The number by which /proc and lsns know the namespace; the kernel may give it again later. */
  inode(type: NamespaceType): number {
    const inode = binding.getInode(this.fd(type));
    if (typeof inode === 'number') throw failure(inode, 'statx', { type });
    return inode[0];
  }

  /** The kernel's 64-bit id of the namespace, never given again (NS_GET_ID, Linux 6.18). */
  id(type: NamespaceType): bigint {
    const id = binding.getId(this.fd(type));
    if (typeof id === 'bigint') return id;
    const advice = id === -25 ? 'this needs Linux 6.18; inode() works everywhere' : undefined;
    throw failure(id, 'ioctl', { type, advice });
  }

  /**
   * Binds the namespace to a new file, through which it lives on, and can be opened, without this
   * handle and without any process: `openNamespaces({ net: path }, ['net'])`. Until
   * `unbindNamespace(path)`, or umount(8) and rm(1), or the end of the machine.
   *
   * Needs CAP_SYS_ADMIN. Throws `NamespaceError`: EEXIST where there is such a file, EPERM, and EINVAL
   * for a mount namespace on a mount that is shared. A pid namespace whose first process has ended is
   * of no more use. mount(2), MS_BIND.
   */
  bind(type: NamespaceType, path: string): void {
    const { bindTo } = load('./create/persist.js') as typeof import('./create/persist.ts');
    bindTo(path, type, this.fd(type));
  }

  /** Lets go of the namespaces. Closing again does nothing. */
  close(): void {
    if (this.#fds === undefined) return;
    dropped.unregister(this);
    this.#fds.release();
    this.#fds = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** @internal */
  fds(): Fds {
    if (this.#fds === undefined) {
      throw failure(-9, 'setns', { advice: 'this handle has been closed' });
    }
    return this.#fds;
  }
}

/**
 * Opens namespaces of `target`, so that they stay reachable whatever becomes of it. The result has to
 * be closed.
 *
 * Opening a process needs the right to look into it (ptrace(2), PTRACE_MODE_READ): root's or its
 * owner's. Throws `NamespaceError`: ESRCH where there is no such process, or it has exited; EACCES
 * where it may not be looked into; EINVAL for a path that is no namespace or one of another type.
 */
export function openNamespaces(target: Target, types: Types): Namespaces {
  return new Namespaces(openTarget(target, checkTypes(types)));
}
