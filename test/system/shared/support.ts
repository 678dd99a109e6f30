/**
 * What the tests of the edges share: where this thread is, how much it holds, and targets that the
 * library did not make.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';
import vm from 'node:vm';
import type { NamespaceType } from 'linux-namespaces';
import { seconds } from '../../timeouts.ts';

export const types = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'] as const;

/** What /proc says about a namespace: `net:[4026531840]`. */
export function placeOf(task: number | string, type: NamespaceType): string {
  return readlinkSync(`/proc/${task}/ns/${type}`);
}

/** Where the calling thread is. */
export function place(type: NamespaceType): string {
  return placeOf('thread-self', type);
}

export function places(): Record<NamespaceType, string> {
  const all = types.map(type => [type, place(type)]);
  return Object.fromEntries(all) as Record<NamespaceType, string>;
}

export function inodeOf(link: string): number {
  return Number(/\[(\d+)\]$/.exec(link)?.[1]);
}

/** How many files are open; but for one that Node, from 24 on, reads on a thread at some time. */
export function fdCount(): number {
  const certificates = process.env['NODE_EXTRA_CA_CERTS'] ?? '';
  return readdirSync('/proc/self/fd').filter(fd => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) !== certificates;
    } catch {
      return false; // gone by now, as that of this very reading
    }
  }).length;
}

export function threads(): string[] {
  return readdirSync('/proc/self/task');
}

/** The error that `fn` throws, with the fields that the library's errors have. */
export function errorOf(fn: () => unknown): Failed {
  try {
    fn();
  } catch (error) {
    return error as Failed;
  }
  throw new Error('nothing was thrown');
}

export async function rejectionOf(promise: Promise<unknown>): Promise<Failed> {
  const settled = promise.then(
    () => undefined,
    error => error,
  );
  const error = await settled;
  if (error === undefined) throw new Error('nothing was rejected');
  return error;
}

export interface Failed extends Error {
  code: string;
  errno: number;
  syscall: string;
  type: NamespaceType | undefined;
  target: number | string | undefined;
}

/** Until the hooks of callbacks that are over are off, and what they held is closed. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 3; i++) await turn();
}

v8.setFlagsFromString('--expose-gc');
const gc = vm.runInNewContext('gc') as () => void;

/** Collects garbage, so that a context which started something and is over ends. */
export async function collectGarbage(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    gc();
    await settled();
  }
}

/** The same, until `fdCount()` is down to `fds`. */
export async function collected(fds: number): Promise<void> {
  for (let i = 0; i < 20 && fdCount() > fds; i++) await collectGarbage();
}

/** A promise, and what fulfils it. */
export function gate(): { passed: Promise<void>; open: () => void } {
  let open = () => {};
  const passed = new Promise<void>(done => {
    open = done;
  });
  return { passed, open };
}

/** Waits for something that another process is about to do. */
export async function until<T>(what: string, look: () => T | undefined | false | ''): Promise<T> {
  const end = Date.now() + seconds(20);
  while (Date.now() < end) {
    const seen = look();
    if (seen) return seen;
    await sleep(2);
  }
  throw new Error(`waited in vain for ${what}`);
}

/** undefined where there is no such file, or nothing more to read in it. */
export function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

export function hasProgram(name: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export interface Target extends AsyncDisposable {
  readonly child: ChildProcess;
  /** The process to look into: the child, or what it forked. */
  readonly pid: number;
  kill(): Promise<void>;
}

/** Starts a program and stops it at the end of the scope. */
export function start(file: string, args: readonly string[]): Target & { output(): string } {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', data => {
    output += data;
  });
  child.stderr.on('data', data => {
    output += data;
  });
  // 'close', not 'exit': only then are the pipes' fds gone too.
  const gone = new Promise<void>((resolve, reject) => {
    child.once('close', () => resolve());
    child.once('error', reject);
  });
  gone.catch(() => {});
  const kill = async () => {
    child.kill('SIGKILL');
    await gone;
  };
  return {
    child,
    pid: child.pid ?? -1,
    output: () => output,
    kill,
    [Symbol.asyncDispose]: kill,
  };
}

const typeOfFlag: Record<string, NamespaceType> = {
  '--cgroup': 'cgroup',
  '--ipc': 'ipc',
  '--mount': 'mnt',
  '--net': 'net',
  '--pid': 'pid',
  '--uts': 'uts',
  '--user': 'user',
  '--time': 'time',
};

/** `unshare FLAGS sleep infinity`, waited for until it is in namespaces of its own and sleeps. */
export async function startTarget(...flags: string[]): Promise<Target> {
  const forks = flags.includes('--pid') || flags.includes('--time');
  const more = forks ? ['--fork', '--kill-child'] : [];
  const started = start('unshare', [...flags, ...more, 'sleep', 'infinity']);
  try {
    const pid = await until(`${flags.join(' ')} to sleep`, () => {
      if (started.child.exitCode !== null) throw new Error(`unshare: ${started.output()}`);
      const task = forks ? read(`/proc/${started.pid}/task/${started.pid}/children`) : started.pid;
      return read(`/proc/${task}/comm`) === 'sleep' ? Number(task) : undefined;
    });
    for (const flag of flags) {
      const type = typeOfFlag[flag];
      if (type && placeOf(pid, type) === place(type)) throw new Error(`${type} is still ours`);
    }
    // With --pid, the death of unshare takes the sleeper along, but is not the sleeper's.
    const kill = async () => {
      if (forks) process.kill(pid, 'SIGKILL');
      await started.kill();
    };
    return { child: started.child, pid, kill, [Symbol.asyncDispose]: started.kill };
  } catch (error) {
    await started.kill();
    throw error;
  }
}

/** Runs a script of ours, as ESM and from within the package, and returns what it printed. */
export function runScript(source: string, prefix: readonly string[] = []): string {
  const node = [process.execPath, '--input-type=module', '-e', source];
  const [file = '', ...args] = [...prefix, ...node];
  return execFileSync(file, args, {
    encoding: 'utf8',
    // Node reads this file on a thread, some time after its start: one fd more, at times.
    env: { ...process.env, NODE_EXTRA_CA_CERTS: '' },
    timeout: seconds(30),
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** The words of a command line in which names stand for what a test has made. */
export function wordsOf(line: string, names: Readonly<Record<string, string | number>>): string[] {
  const filled = Object.entries(names).reduce(
    (text, [name, value]) => text.replaceAll(name, `${value}`),
    line,
  );
  return filled.split(' ').filter(Boolean);
}

/** Runs one of test/attacks five times, and returns how often it won. */
export function attack(name: string): string {
  const file = fileURLToPath(new URL(`../../attacks/${name}.mjs`, import.meta.url));
  const options = { encoding: 'utf8', timeout: seconds(60), killSignal: 'SIGKILL' } as const;
  return spawnSync(process.execPath, [file, '5'], options).stdout.trim();
}
