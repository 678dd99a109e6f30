/** Cgroups of a target, which bear the pid of the process that has made them. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

const prefix = 'linux-namespaces-faults-';

/** Where there are cgroups of version 2, and of version 1. */
function hierarchies() {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map(line => line.split(' '));
  return [
    mounts.find(([, , type]) => type === 'cgroup2'),
    mounts.find(([, , type, options = '']) => type === 'cgroup' && /\bpids\b/.test(options)),
  ].flatMap(mount => mount?.[1] ?? []);
}

/** Puts a process into one of its own, in each of them. */
export function limit(pid) {
  for (const point of hierarchies()) {
    const folder = join(point, `${prefix}${process.pid}`);
    mkdirSync(folder);
    writeFileSync(join(folder, 'cgroup.procs'), String(pid));
  }
}

/** Once what was in them has ended: those of this process, and of such as were killed. */
export function removeCgroups(own) {
  for (const point of hierarchies()) {
    for (const name of readdirSync(point)) {
      const owner = Number(name.slice(prefix.length));
      if (!name.startsWith(prefix) || (owner !== own && existsSync(`/proc/${owner}`))) continue;
      remove(join(point, name));
    }
  }
}

function remove(folder) {
  for (let tries = 0; tries < 500; tries++) {
    try {
      return rmdirSync(folder);
    } catch (error) {
      if (error.code !== 'EBUSY') return;
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  }
}
