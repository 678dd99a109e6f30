/** Files that the kernel answers by thread, and namespaces in which each says something else. */
import { execFileSync } from 'node:child_process';
import fs, {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createNamespaces, type Namespaces, openNamespaces, outside } from 'linux-namespaces';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { home, place } from './lab.ts';
import { start, type Target, until } from './support.ts';

export const ttl = '/proc/sys/net/ipv4/ip_default_ttl';
export const hostname = '/proc/sys/kernel/hostname';
export const message = '/proc/sys/kernel/msgmax';
export const conf = '/proc/sys/net/ipv4/conf';

/** Of each type a file that says something else inside. */
const files: Record<string, string> = {
  net: ttl,
  'net of a process': '/proc/net/dev',
  uts: hostname,
  'ipc, a sysctl': message,
  'ipc, a table': '/proc/sysvipc/msg',
  cgroup: '/proc/self/cgroup',
  'cgroup, by mounts': '/proc/thread-self/mountinfo',
};

export let folder: string;
export let lab: Namespaces;
let sleeper: Target | undefined;
export const before: Record<string, string> = {};

/** A directory of some cgroup hierarchy; a namespace that is made in there shows paths otherwise. */
function makeCgroup(): string | undefined {
  for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n')) {
    const [, point = '', type] = line.split(' ');
    if (type !== 'cgroup' && type !== 'cgroup2') continue;
    try {
      const made = join(point, `by-thread-${process.pid}`);
      mkdirSync(made);
      if (existsSync(join(made, 'cgroup.procs'))) return made;
    } catch {}
  }
  return undefined;
}
const cgroup = makeCgroup();

export const known =
  cgroup === undefined
    ? Object.entries(files).filter(([name]) => !/cgroup/.test(name))
    : Object.entries(files);

function isEmptied(directory: string): boolean {
  rmdirSync(directory);
  return true;
}

/** For all tests of a file; after each, the host is as it was. */
export function useLab(): void {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-'));
    for (const path of [ttl, hostname, message]) before[path] = readFileSync(path, 'utf8');
    lab = await createNamespaces(['net', 'uts', 'ipc'], { hostname: 'blue', loopback: true });
    if (cgroup !== undefined) {
      const join = `echo $$ >${cgroup}/cgroup.procs; exec unshare -C sleep infinity`;
      sleeper = start('sh', ['-c', join]);
      const { pid } = sleeper;
      await until(
        'a cgroup namespace',
        () => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n',
      );
    }
    inside(() => {
      writeFileSync(ttl, '99');
      writeFileSync(message, '4242');
      execFileSync('ipcmk', ['-Q']);
    });
  });

  afterEach(() => {
    for (const [path, content] of Object.entries(before)) {
      expect(
        outside(() => readFileSync(path, 'utf8')),
        `${path} of the host`,
      ).toBe(content);
    }
    expect(place()).toBe(home);
  });

  afterAll(async () => {
    lab.close();
    await sleeper?.kill();
    if (cgroup !== undefined) await until('the cgroup to be empty', () => isEmptied(cgroup));
    rmSync(folder, { recursive: true, force: true });
  });
}

export function inside<R>(fn: () => R): R {
  if (sleeper === undefined) return lab.run(fn);
  using there = openNamespaces(sleeper.pid, ['cgroup']);
  return lab.run(() => there.run(fn));
}

export type Path = string | Buffer | URL;

export const withHandle = async <R>(
  path: Path,
  use: (handle: FileHandle) => Promise<R>,
  flags = 'r',
) => {
  const handle = await fs.promises.open(path, flags);
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
};
export const withFd = async <R>(path: Path, use: (fd: number) => Promise<R>, flags = 'r') => {
  const fd = await promisify(fs.open)(path, flags);
  try {
    return await use(fd);
  } finally {
    closeSync(fd);
  }
};
