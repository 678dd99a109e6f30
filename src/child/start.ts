/**
 * A genuine ChildProcess of Node's, started after a plan: Node's own functions do everything, and find
 * our handle where theirs would be. The one place that touches ChildProcess.prototype.
 */
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { builtin } from '../base/lazy-builtins.ts';
import { own } from '../base/own-properties.ts';
import { isBytes } from '../base/paths.ts';
import { advised } from './failures.ts';
import type { NodeOptions, Plan } from './launch.ts';
import { type NodesHandle, ProcessHandle } from './node-handle.ts';
import { Terminal } from './terminal.ts';

/** Private parts of Node's ChildProcess. */
interface Internals {
  _handle: NodesHandle | ProcessHandle | null;
  /** Of the program and of each of its streams: 'close' comes with the last. */
  _closesNeeded: number;
  _closesGot: number;
  spawn(options: NodeOptions): number;
}
type Child = ChildProcess & Internals;

/** Node's options of which we exchange one, and look at another. */
interface CallOptions {
  cwd?: unknown;
  uid?: unknown;
  gid?: unknown;
  env: Readonly<Record<string, string | undefined>>;
}

const childProcess = builtin('node:child_process');
const diagnostics = builtin('node:diagnostics_channel');

/**
 * What Node is told as the working directory. It is the mark by which the child is known, and it cannot
 * be one: so what gets around us on the way (a function of node:child_process that somebody has
 * replaced, now or later) fails to start, and starts nothing in the wrong place. It is in no environment.
 */
const nowhere = '/dev/null/linux-namespaces/';
let plans = 0;

/**
 * Calls one of Node's functions so that the ChildProcess that it makes is started after `plan`, or
 * throws: with nothing started, or with what was started killed.
 */
export function startAs<C, O extends CallOptions>(
  plan: Plan,
  given: O,
  call: (options: O) => C,
): C {
  const options = own(given);
  const mark = `${nowhere}${++plans}`;
  const { cwd } = options;
  const directory = pathOf(cwd);
  const watch = new Watch(plan, mark, directory, options);
  let result: C | undefined;
  try {
    // What is no path, Node refuses in its own words.
    const isPath = directory !== undefined || (cwd ?? undefined) === undefined;
    result = call({ __proto__: null, ...options, cwd: isPath ? mark : cwd } as O);
    if (watch.started === undefined) throw replaced();
    return result;
  } catch (error) {
    watch.started?.kill('SIGKILL');
    if (result instanceof childProcess().ChildProcess) result.kill('SIGKILL');
    throw error;
  } finally {
    watch.end();
  }
}

/** Stands in the place of ChildProcess.prototype.spawn for the time of one call. */
class Watch {
  /** The child of the plan. */
  started: ChildProcess | undefined;
  readonly #prototype = childProcess().ChildProcess.prototype as unknown as Internals;
  readonly #own = this.#prototype.spawn;
  /** Made, and not spawned yet: what is made meanwhile is a listener's of Node's diagnostics channel. */
  readonly #made: object[] = [];
  readonly #spawn: Internals['spawn'];
  /** Another watch's: a listener may call us. */
  readonly #before: PropertyDescriptor = own(
    Object.getOwnPropertyDescriptor(this.#prototype, 'spawnfile') ?? {},
  );
  #over = false;

  constructor(plan: Plan, mark: string, cwd: string | undefined, given: CallOptions) {
    const watch = this;
    this.#spawn = function (this: Child, options) {
      if (watch.#over || this._handle instanceof ProcessHandle) {
        return watch.#own.call(this, options);
      }
      const at = watch.#made.indexOf(this);
      if (at >= 0) watch.#made.splice(at, 1);
      const isSame = options.uid === given.uid && options.gid === given.gid; // whom it is to run as
      if (options.cwd === mark && watch.started === undefined && isSame) {
        options.cwd = cwd;
        if (plan.foreignEnv) dropOurs(options.envPairs, given.env);
        watch.started = this;
        const handle = handleFor(plan, this, options);
        try {
          return watch.#own.call(this, options);
        } catch (error) {
          throw handle.failure ?? error;
        }
      }
      if (options.cwd === mark || (watch.started === undefined && at <= 0)) throw replaced();
      return watch.#own.call(this, options);
    };
    this.#prototype.spawn = this.#spawn;
    if (diagnostics().channel('child_process').hasSubscribers) this.#follow();
    queueMicrotask(() => this.end()); // node:vm stops code without its `finally`
  }

  end(): void {
    if (this.#over) return;
    this.#over = true;
    // Somebody may have wrapped ours meanwhile; it lets everything through from now on.
    if (this.#prototype.spawn === this.#spawn) this.#prototype.spawn = this.#own;
    if (this.#before.set === undefined) Reflect.deleteProperty(this.#prototype, 'spawnfile');
    else Object.defineProperty(this.#prototype, 'spawnfile', this.#before);
  }

  /** Its constructor sets this field to null, before it tells the channel of the new ChildProcess. */
  #follow(): void {
    const made = this.#made;
    const { set: before } = this.#before;
    const set = function (this: object, value: unknown) {
      made.push(this);
      before?.call(this, value);
      const field = { value, writable: true, enumerable: true, configurable: true };
      Object.defineProperty(this, 'spawnfile', own(field));
    };
    Object.defineProperty(
      this.#prototype,
      'spawnfile',
      own({ configurable: true, get: () => undefined, set }),
    );
  }
}

/** undefined where it is none, or no path. */
function pathOf(cwd: unknown): string | undefined {
  const path = textOf(cwd);
  return path?.includes('\0') ? undefined : path;
}

function textOf(cwd: unknown): string | undefined {
  if (typeof cwd === 'string') return cwd;
  if (typeof cwd !== 'object' || cwd === null) return undefined;
  if (isBytes(cwd)) return Buffer.from(cwd).toString();
  try {
    return fileURLToPath(cwd as URL);
  } catch {
    return undefined;
  }
}

function replaced(): Error {
  const message =
    'linux-namespaces: a function of node:child_process that somebody has replaced did not start the program as it was told to; nothing has been run';
  return Object.assign(new Error(message), { code: 'ERR_INVALID_STATE' });
}

/** Node hands this one on to every child, whatever environment it was given. */
function dropOurs(envPairs: string[], env: CallOptions['env']): void {
  const coverage = envPairs.findIndex(pair => pair.startsWith('NODE_V8_COVERAGE='));
  if (coverage >= 0 && env['NODE_V8_COVERAGE'] === undefined) envPairs.splice(coverage, 1);
}

/** Gives the ChildProcess our handle in the place of Node's. */
function handleFor(plan: Plan, child: Child, options: NodeOptions): ProcessHandle {
  const nodes = child._handle;
  if (typeof nodes?.onexit !== 'function' || typeof nodes.spawn !== 'function') {
    throw new Error(`linux-namespaces: Node ${process.version} has another ChildProcess`);
  }
  const { onexit } = nodes;
  const handle = new ProcessHandle(plan, options, nodes as NodesHandle);
  handle.onmove = pid => {
    (child as { pid: number }).pid = pid;
  };
  handle.onexit = (code, signal) => {
    const { failure, advice } = handle;
    if ((failure ?? advice) === undefined || code >= 0) return onexit(code, signal);
    // Node's own way to its 'error' event, with an error that says more.
    const emit = child.emit as (...args: unknown[]) => boolean;
    child.emit = (name: string | symbol, ...args: unknown[]) => {
      if (name === 'error') Reflect.deleteProperty(child, 'emit');
      return emit.call(
        child,
        name,
        ...(name === 'error' ? [failure ?? advised(args[0] as Error, advice)] : args),
      );
    };
    onexit(failure?.errno ?? code, signal);
  };
  if (plan.terminal !== undefined) handle.terminal = addTerminal(child, plan.terminal);
  child._handle = handle;
  return handle;
}

/** As one of Node's own streams of a child: 'close' waits for it. */
function addTerminal(child: Child, size: NonNullable<Plan['terminal']>): Terminal {
  if (typeof child._closesNeeded !== 'number' || typeof child._closesGot !== 'number') {
    throw new Error(`linux-namespaces: Node ${process.version} has another ChildProcess`);
  }
  const terminal = new Terminal(size);
  child._closesNeeded++;
  terminal.once('close', () => {
    child._closesGot++;
    if (child._closesGot === child._closesNeeded) {
      child.emit('close', child.exitCode, child.signalCode);
    }
  });
  return Object.assign(child, { terminal }).terminal;
}
