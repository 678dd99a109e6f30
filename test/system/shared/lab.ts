/** What the tests of callbacks share: labs to be inside of, and proofs of where the thread is. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import v8 from 'node:v8';
import vm from 'node:vm';
import { createNamespaces, type Namespaces } from 'linux-namespaces';
import { expect } from 'vitest';

export const lab = (hostname = 'lab'): Promise<Namespaces> =>
  createNamespaces(['net', 'uts'], { hostname, loopback: true });

/** The network namespace of the calling thread, by its inode. */
export const place = (): number => {
  const link = readlinkSync('/proc/thread-self/ns/net');
  return Number(link.slice('net:['.length, -1));
};

export const home: number = place();

/** Notes where each step ran, so that a failure says which one was in the wrong place. */
export class Track {
  readonly steps: [label: string, place: number][] = [];
  at = (label: string): void => void this.steps.push([label, place()]);
  expectAll(where: number, least = 1): void {
    expect(this.steps.length).toBeGreaterThanOrEqual(least);
    expect(this.steps.filter(([, at]) => at !== where)).toEqual([]);
  }
}

/** Works outside all the time, in every way at once, and checks its own place at every step. */
export async function withLoad<T>(work: () => Promise<T>): Promise<T> {
  const load = new Track();
  let stop = false;
  const step = (label: string) => {
    if (place() !== home) load.steps.push([label, place()]);
    return undefined;
  };
  const turns = async () => {
    while (!stop) {
      step('await');
      await new Promise<void>(resolve => setImmediate(() => resolve(step('immediate'))));
      await new Promise<void>(resolve => process.nextTick(() => resolve(step('tick'))));
      await Promise.resolve().then(() => step('then'));
      await new Promise<void>(resolve => setTimeout(() => resolve(step('timer')), 1));
    }
  };
  const running = [turns(), turns()];
  try {
    return await work();
  } finally {
    stop = true;
    await Promise.all(running);
    expect(load.steps, 'the load outside was moved').toEqual([]);
    expect(place()).toBe(home);
  }
}

export const openFds = (): string[] =>
  readdirSync('/proc/self/fd')
    .map(fd => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return '';
      }
    })
    .filter(link => /^(net|uts|ipc|cgroup|mnt|pid|user|time):\[/.test(link) || /pidfd/.test(link))
    .sort();

/** The network namespaces of all threads of this process. */
export const threadPlaces = (): number[] =>
  readdirSync('/proc/self/task').flatMap(tid => {
    try {
      const link = readlinkSync(`/proc/self/task/${tid}/ns/net`);
      return Number(link.slice('net:['.length, -1));
    } catch {
      return []; // it has ended
    }
  });

// As --expose-gc, which a Worker cannot be given.
v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc') as () => void;

/** Collects garbage until `done`, at most `rounds` times. */
export async function collected(done: () => boolean, rounds = 300): Promise<void> {
  for (let i = 0; i < rounds && !done(); i++) {
    collect();
    await sleep(10);
  }
}

/** A key and a self-signed certificate for localhost, made by openssl. */
export function certificate(): { key: string; cert: string } {
  const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  try {
    const ask = 'req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost'.split(' ');
    execFileSync('openssl', [...ask, '-keyout', key, '-out', cert], { stdio: 'pipe' });
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
