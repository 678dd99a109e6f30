/** What openWorker takes, and whether it makes sense. */
import { checkBoolean, checkVariables, namesOf, optionsIn } from '../base/check.ts';
import { checkTypeList, invalidType, invalidValue } from '../base/errors.ts';
import type { NamespaceType, Types } from '../base/namespace-types.ts';
import { own } from '../base/own-properties.ts';
import { type Credentials, checkCredentials, type Environment } from '../child/options.ts';
import { type CreateOptions, typeOfOption } from '../create/options.ts';
import type { Target } from '../target/target.ts';

/** As in node:worker_threads. */
export interface ResourceLimits {
  /** The most that the heap may have, in MB; V8 ends the worker where it needs more. */
  maxOldGenerationSizeMb?: number | undefined;
  /** Of it for objects that were made a short time ago, in MB. */
  maxYoungGenerationSizeMb?: number | undefined;
  /** The most that the stack of the thread may have, in MB. Default: 4 in Node's words, about 1. */
  stackSizeMb?: number | undefined;
}

export interface WorkerOptions {
  /**
   * As whom it runs. `'target'`: uid, gid, groups, capabilities, no_new_privs and umask of the target,
   * so that the worker has no more rights than what runs there already. `'inherit'`: as this process,
   * within the namespaces that were joined. Default: `'target'` with the `mnt` of a process, otherwise
   * `'inherit'`.
   */
  credentials?: Credentials | undefined;
  /**
   * Joins the cgroups of the target, in every hierarchy that is mounted. Default: it stays in ours, where an
   * engine's rules for devices do not hold: what is opened may be the machine's disk.
   */
  cgroup?: 'target' | undefined;
  /** `process.env` inside. Default: a PATH and nothing else. */
  env?: Environment | undefined;
  resourceLimits?: ResourceLimits | undefined;
  /**
   * Milliseconds that the start, and then each call, may take, below 2 ** 31. What takes longer kills the worker.
   * Default: no limit.
   */
  timeout?: number | undefined;
  /** Kills the worker, and rejects what is pending with an AbortError. */
  signal?: AbortSignal | undefined;
  /**
   * The most bytes that a result, or one value of an iterator, may have; as values it takes up to four
   * times that in memory. What is larger is a RangeError (`ERR_BUFFER_TOO_LARGE`), and the worker goes
   * on. Up to 256 MiB, which is the default with `'inherit'`; with the target's credentials it is 8 MiB.
   */
  maxResultBytes?: number | undefined;
  /** `worker.stdout` is for the caller to read, without which it waits; otherwise it goes to ours. */
  stdout?: boolean | undefined;
  /** The same for `worker.stderr`. */
  stderr?: boolean | undefined;
}

const shared = {
  credentials: true,
  cgroup: true,
  env: true,
  resourceLimits: true,
  timeout: true,
  signal: true,
  maxResultBytes: true,
};
const names = namesOf<WorkerOptions>({ ...shared, stdout: true, stderr: true });
const limitNames = namesOf<ResourceLimits>({
  maxOldGenerationSizeMb: true,
  maxYoungGenerationSizeMb: true,
  stackSizeMb: true,
});

/** What `evaluate` takes in the place of types: the options of its worker, whose streams are ours. */
export interface EvaluateOptions extends Omit<WorkerOptions, 'stdout' | 'stderr'> {
  types: Types;
}

export const evaluateNames: readonly string[] = namesOf<EvaluateOptions>({
  ...shared,
  types: true,
});

/** In bytes: of a result, with whose credentials it comes. */
export const resultMost: Readonly<Record<Credentials, number>> = {
  target: 1 << 23,
  inherit: 1 << 28,
};

/**
 * New namespaces instead of somebody's: a sandbox. What they are to be like is said in the words of
 * `createNamespaces`; `root` becomes its root by pivot_root(2).
 */
export interface Sandbox extends CreateOptions {
  unshare: readonly NamespaceType[];
  root?: string | URL | undefined;
}

const sandboxNames = namesOf<Sandbox>({ ...typeOfOption, unshare: true, root: true });

export type WorkerTarget = Target | Sandbox;

export function isSandbox(target: WorkerTarget): target is Sandbox {
  return typeof target === 'object' && target !== null && Object.hasOwn(target, 'unshare');
}

/** There is nobody to take anything from, and no type but the new ones. */
export function checkSandbox(sandbox: Sandbox, types: Types, options: WorkerOptions): void {
  const { unshare } = optionsIn(sandbox, sandboxNames, 'target');
  const listed = checkTypeList(unshare, 'target.unshare');
  if (types !== 'all' && (listed.length !== types.length || types.some(t => !listed.includes(t)))) {
    throw invalidValue('types', "'all', or those of target.unshare", types);
  }
  for (const name of ['credentials', 'cgroup'] as const) {
    if (options[name] !== 'target') continue;
    throw invalidValue(`options.${name}`, 'left out with target.unshare', options[name]);
  }
}

export function checkOptions(options: unknown): WorkerOptions {
  if (options === undefined) return own({});
  const given: WorkerOptions = optionsIn(options as WorkerOptions, names);
  const { credentials, cgroup, env, timeout, signal, resourceLimits } = given;
  checkCredentials(credentials);
  if (cgroup !== undefined && cgroup !== 'target') {
    throw invalidValue('options.cgroup', "'target'", cgroup);
  }
  if (env !== undefined) checkVariables('options.env', env);
  // Beyond that a timer of Node's fires at once.
  const isTime = typeof timeout === 'number' && timeout > 0 && timeout < 2 ** 31;
  if (timeout !== undefined && !isTime) {
    throw invalidValue('options.timeout', 'milliseconds, above 0 and below 2 ** 31', timeout);
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalidType('options.signal', 'an AbortSignal', signal);
  }
  const { maxResultBytes: most } = given;
  if (most !== undefined && !(Number.isInteger(most) && most > 0 && most <= resultMost.inherit)) {
    throw invalidValue('options.maxResultBytes', 'a whole number from 1 to 2 ** 28', most);
  }
  for (const name of ['stdout', 'stderr'] as const) {
    const value = given[name];
    if (value !== undefined) checkBoolean(`options.${name}`, value);
  }
  checkLimits(resourceLimits);
  return given;
}

function checkLimits(limits: unknown): void {
  if (limits === undefined) return;
  const given = optionsIn(limits as ResourceLimits, limitNames, 'options.resourceLimits');
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && !(typeof value === 'number' && value > 0 && value < 2 ** 31)) {
      throw invalidValue(`options.resourceLimits.${name}`, 'a number above 0', value);
    }
  }
}
