/**
 * `Namespaces`: a handle that keeps namespaces open, whatever becomes of the process they were taken
 * from. Its methods are doors to the rooms above (the one documented import upwards).
 */
import type { ChildProcess, ExecException, ExecFileException } from 'node:child_process';
import { runInside } from './callback/run.ts';
import type { ExecFileOptions, ExecOptions, ForkOptions, SpawnOptions } from './child/options.ts';
import type { ChildOf, Done } from './child/signatures.ts';
import { exec, execFile, fork, spawn, within } from './child/spawn.ts';
import { bindTo } from './create/persist.ts';
import { checkTypes } from './errors.ts';
import { Handle } from './handle.ts';
import { openTarget, type Target } from './target.ts';
import type { NamespaceType, Types } from './types.ts';

/**
 * Open namespaces, at most one of each type. They stay alive for as long as the handle is open, even
 * when no process is left in them. From `openNamespaces`, `createNamespaces` or `currentNamespaces`.
 */
export class Namespaces extends Handle {
  /**
   * Runs `fn` inside all namespaces of this handle; otherwise as `withNamespaces`. The handle may be
   * closed while work that `fn` started goes on: that holds the namespaces itself.
   */
  run<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): R {
    return runInside(this.fds(), fn, args);
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
   * Binds the namespace to a new file, through which it lives on, and can be opened, without this
   * handle and without any process: `openNamespaces({ net: path }, ['net'])`. Until
   * `unbindNamespace(path)`, or umount(8) and rm(1), or the end of the machine.
   *
   * Needs CAP_SYS_ADMIN. Throws `NamespaceError`: EEXIST where there is such a file, EPERM, and EINVAL
   * for a mount namespace on a mount that is shared. A pid namespace whose first process has ended is
   * of no more use. mount(2), MS_BIND.
   */
  bind(type: NamespaceType, path: string): void {
    bindTo(path, type, this.fd(type));
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
