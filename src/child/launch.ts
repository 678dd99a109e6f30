/** Starts the launcher (native/launcher) on a plan. */

import type {
  Spawned,
  SpawnFailure,
  SpawnRequest,
  SyncRequest,
  SyncResult,
} from '../base/addon-child.ts';
import { binding } from '../base/binding.ts';
import { builtin } from '../base/lazy-builtins.ts';
import { trace } from '../base/trace.ts';
import { encode, type Pairs } from './environment.ts';
import type { CallInfo } from './failures.ts';

const { getSystemErrorName } = builtin('node:util')();

/** What the launcher has to be told, but for what Node tells the handle. */
export interface Plan extends CallInfo {
  readonly flags: number;
  readonly unshare: number;
  readonly joins: Int32Array;
  readonly types: Int32Array;
  readonly rootPath: string | undefined;
  readonly create: Uint8Array | undefined;
  readonly cgroups: Int32Array;
  readonly groups: Uint32Array;
  readonly umask: number;
  /** What it gets when we end, with the flag dieWithParent. */
  readonly parentSignal: number;
  readonly capabilities: BigUint64Array;
  readonly limits: BigUint64Array;
  readonly oomScore: string | undefined;
  readonly label: string | undefined;
  readonly labelFile: string | undefined;
  /** The size of the terminal that it gets. */
  readonly terminal: { readonly columns: number; readonly rows: number } | undefined;
  /** The environment is not ours: nothing of ours is added to it. */
  readonly foreignEnv: boolean;
  /** It, where Node's strings could not hold it. */
  readonly pairs: Pairs | undefined;
  /** An fd of what is executed in the launcher's place, with native/launcher/preload.c in it; -1: none. */
  readonly program: number;
  readonly preload: number;
  /** It is inside: its pid, and the types that it has been seen to be in. */
  readonly entered: ((pid: number, types: number) => void) | undefined;
  /** Flags that Node's options add: from `detached`, `uid` and `gid`. */
  complete(options: Pick<NodeOptions, 'detached' | 'uid' | 'gid'>): {
    flags: number;
    ids: Uint32Array;
  };
}

/** The options of ChildProcess.prototype.spawn, as Node's functions give them. */
export interface NodeOptions {
  cwd?: string | null | undefined;
  envPairs: string[];
  detached?: boolean | undefined;
  /** `'keep'`, which nothing of Node's ever is: it stays as it is, even where user is joined. */
  uid?: number | 'keep' | null | undefined;
  gid?: number | 'keep' | null | undefined;
  /** Nor is this: the supplementary groups stay. */
  keepGroups?: boolean | undefined;
}

/** What the launcher becomes. */
export interface Program extends NodeOptions {
  cwd: NonNullable<NodeOptions['cwd']> | null | undefined;
  readonly file: string;
  /** With argv[0]. */
  readonly args: readonly string[];
  /** An fd for each; what else there is, SpawnRequest says. */
  readonly stdio: Int32Array;
}

/** How long, in milliseconds, the program's exec is waited for; what takes longer is an event. */
const timeout = 100;

/**
 * `ended` is called at the end of a child, before it `failed` where that was not known at once;
 * `moved` where the launcher took longer than we waited to fork what becomes the program, `terminal`
 * with an fd of our end of its terminal, where that is not in the answer.
 */
export function launch(
  plan: Plan,
  program: Program,
  ended: (code: number, signal: number) => void,
  failed: (failure: SpawnFailure) => void,
  moved?: (pid: number) => void,
  terminal?: (fd: number) => void,
): Spawned {
  const request = requestOf(plan, program, timeout);
  const spawned = binding.spawn(request, ended, failed, moved, plan.entered, terminal);
  const started = hasStarted(spawned);
  traced(plan, started ? spawned.pid : undefined, started ? undefined : spawned);
  return spawned;
}

/** The same, and waits for its end. */
export function launchSync(
  plan: Plan,
  program: Program,
  how: SyncRequest,
): SyncResult | SpawnFailure {
  const result = binding.spawnSync(requestOf(plan, program, 0), how);
  const failed = hasFailed(result);
  traced(plan, failed ? undefined : result.pid, failed ? result : undefined);
  return result;
}

function requestOf(plan: Plan, program: Program, wait: number): SpawnRequest {
  const { file, args, envPairs, cwd, stdio } = program;
  const { flags, ids } = plan.complete(program);
  // One by one: a plan has thirty properties, and to spread it takes V8 as long as a few system calls.
  return {
    program: plan.program,
    preload: plan.preload,
    cwdFd: -1,
    file,
    args: textsOf(args),
    env: plan.pairs === undefined ? envPairs.join('\0') : encode(plan.pairs, envPairs),
    cwd: cwd || undefined,
    stdio,
    wait,
    flags,
    ids,
    unshare: plan.unshare,
    joins: plan.joins,
    types: plan.types,
    rootFd: plan.rootFd,
    rootPath: plan.rootPath,
    create: plan.create,
    cgroups: plan.cgroups,
    groups: plan.groups,
    umask: plan.umask,
    parentSignal: plan.parentSignal,
    capabilities: plan.capabilities,
    limits: plan.limits,
    oomScore: plan.oomScore,
    label: plan.label,
    labelFile: plan.labelFile,
    columns: plan.terminal?.columns ?? 0,
    rows: plan.terminal?.rows ?? 0,
  };
}

function traced(plan: Plan, pid: number | undefined, failed: SpawnFailure | undefined): void {
  trace('spawn', () => ({
    target: typeof plan.target === 'number' ? plan.target : undefined,
    joined: plan.joined,
    created: plan.created,
    ...(failed === undefined
      ? { pid }
      : { failed: getSystemErrorName(failed.error), step: failed.step }),
  }));
}

export function hasFailed(result: SyncResult | SpawnFailure): result is SpawnFailure {
  return Object.hasOwn(result, 'step');
}

export function hasStarted(spawned: Spawned): spawned is Exclude<Spawned, SpawnFailure> {
  return Object.hasOwn(spawned, 'child');
}

/** As Node writes them: what is no string becomes one, which ends at its first null byte. */
function textsOf(values: readonly unknown[]): string {
  return Array.from(values, textOf).join('\0');
}

function textOf(value: unknown): string | undefined {
  const text = `${value}`;
  return text.includes('\0') ? text.split('\0', 1)[0] : text;
}
