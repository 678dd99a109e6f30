/**
 * Completes `Namespaces` (handle.ts) with what it can start. Here, because this is done by modules of
 * higher layers, which know the handle themselves.
 */

import type { NamespaceType } from './base/namespace-types.ts';
import { runInside } from './callback/run.ts';
import type { ExecFileOptions, ExecOptions, ForkOptions, SpawnOptions } from './child/options.ts';
import type { Exec, ExecFile, Fork, Spawn } from './child/signatures.ts';
import type {
  ExecFileSync,
  ExecFileSyncOptions,
  ExecSync,
  ExecSyncOptions,
  SpawnSync,
  SpawnSyncOptions,
} from './child/signatures-sync.ts';
import { inside } from './child/spawn.ts';
import { insideSync } from './child/sync.ts';
import { bindTo } from './create/bind.ts';
import { Namespaces } from './target/namespaces.ts';

export { Namespaces } from './target/namespaces.ts';

/** The handle is the target. */
type Here<Options> = Omit<Options, 'target'>;

declare module './target/namespaces.ts' {
  interface Namespaces {
    /**
     * Runs `fn` inside all namespaces of this handle; otherwise as `withNamespaces`. The handle may be
     * closed while work that `fn` started goes on: that holds the namespaces itself.
     */
    run<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): R;
    /** `spawn` into the namespaces of this handle. It may be closed as soon as this has returned. */
    readonly spawn: Spawn<Here<SpawnOptions>>;
    /** `exec` in the namespaces of this handle. */
    readonly exec: Exec<Here<ExecOptions>>;
    /** `execFile` in the namespaces of this handle. */
    readonly execFile: ExecFile<Here<ExecFileOptions>>;
    /** `fork` in the namespaces of this handle. */
    readonly fork: Fork<Here<ForkOptions>>;
    /** `spawnSync` in the namespaces of this handle. */
    readonly spawnSync: SpawnSync<Here<SpawnSyncOptions>>;
    /** `execSync` in the namespaces of this handle. */
    readonly execSync: ExecSync<Here<ExecSyncOptions>>;
    /** `execFileSync` in the namespaces of this handle. */
    readonly execFileSync: ExecFileSync<Here<ExecFileSyncOptions>>;
    /**
     * Binds the namespace to a new file, through which it lives on, and can be opened, without this
     * handle and without any process: `openNamespaces({ net: path }, ['net'])`. Until
     * `unbindNamespace(path)`, or umount(8) and rm(1), or the end of the machine.
     *
     * Needs CAP_SYS_ADMIN. Throws `NamespaceError`: EEXIST where there is such a file, EPERM, and
     * EINVAL for a mount namespace on a mount that is shared. A pid namespace whose first process has
     * ended is of no more use. mount(2), MS_BIND.
     */
    bind(type: NamespaceType, path: string): void;
  }
}

const methods: ThisType<Namespaces> & Record<string, (...args: never[]) => unknown> = {
  run(fn: () => unknown, ...args: []) {
    return runInside(this.fds(), fn, args);
  },
  spawn(file: string, args: unknown, options: unknown) {
    return inside.spawn(this, file, args, options);
  },
  exec(command: string, options: unknown, callback: unknown) {
    return inside.exec(this, command, options, callback);
  },
  execFile(file: string, args: unknown, options: unknown, callback: unknown) {
    return inside.execFile(this, file, args, options, callback);
  },
  fork(modulePath: string | URL, args: unknown = [], options?: unknown) {
    return inside.fork(this, modulePath, args, options);
  },
  spawnSync(file: string, args: unknown, options: unknown) {
    return insideSync.spawnSync(this, file, args, options);
  },
  execSync(command: string, options: unknown) {
    return insideSync.execSync(this, command, options);
  },
  execFileSync(file: string, args: unknown, options: unknown) {
    return insideSync.execFileSync(this, file, args, options);
  },
  bind(type: NamespaceType, path: string) {
    bindTo(path, type, this.fd(type));
  },
};

// As methods of a class are: not enumerable.
for (const [name, value] of Object.entries(methods)) {
  Object.defineProperty(Namespaces.prototype, name, { value, writable: true, configurable: true });
}
