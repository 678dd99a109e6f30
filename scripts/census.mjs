/**
 * What a process holds of the kernel: files, threads, children, mounts, keyrings, memory, and where each
 * of its threads is. Shared by what looks for leaks (faults.mjs, soak.mjs).
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

const types = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'];

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function link(path) {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** The links of /proc/self/fd, without the one of this reading. */
function files() {
  return readdirSync('/proc/self/fd')
    .map(fd => link(join('/proc/self/fd', fd)))
    .filter(to => to !== undefined)
    .map(to =>
      to.replace(/^(socket|pipe):\[\d+\]$/, '$1').replace(`/proc/${process.pid}/`, '/proc/self/'),
    )
    .sort();
}

/** Where each thread is, as one text for those that are in the same place. */
function places() {
  const all = readdirSync('/proc/self/task').map(task => {
    return types
      .map(type => link(`/proc/self/task/${task}/ns/${type}`) ?? `${type}:gone`)
      .join(' ');
  });
  return [...new Set(all.filter(place => !place.includes(':gone')))].sort();
}

/** With the zombies among them. */
export function children() {
  return readdirSync('/proc/self/task')
    .flatMap(task => read(`/proc/self/task/${task}/children`).trim().split(' ').filter(Boolean))
    .sort();
}

/** How many keys and keyrings this user has, in all processes: /proc/key-users, "uid: usage ...". */
export function keys() {
  const line = read('/proc/key-users')
    .split('\n')
    .find(line => line.trim().startsWith(`${process.getuid()}:`));
  return Number(line?.trim().split(/\s+/)[1] ?? 0);
}

/** @param folders Whose entries are counted, too. */
export function takeCensus(folders = []) {
  return {
    files: files(),
    threads: readdirSync('/proc/self/task').length,
    children: children(),
    mounts: read('/proc/self/mountinfo').split('\n').length - 1,
    places: places(),
    entries: folders
      .flatMap(folder => readdirSync(folder, { recursive: true, encoding: 'utf8' }))
      .sort(),
  };
}

/** What is there now and was not then, in words; '' where nothing is. */
export function compare(before, now) {
  const words = [];
  for (const name of ['files', 'children', 'places', 'entries']) {
    const left = [...now[name]];
    for (const one of before[name]) {
      const at = left.indexOf(one);
      if (at >= 0) left.splice(at, 1);
    }
    if (left.length > 0) words.push(`${name}: ${left.slice(0, 4).join(', ')}`);
  }
  for (const name of ['threads', 'mounts']) {
    if (now[name] > before[name]) words.push(`${name}: ${before[name]} became ${now[name]}`);
  }
  return words.join('; ');
}

/** By kind, how many there were and are: `9 > 9`. */
export function counts(before, now) {
  const size = what => (typeof what === 'number' ? what : what.length);
  const kinds = ['files', 'threads', 'children', 'mounts'];
  return Object.fromEntries(
    kinds.map(kind => [kind, `${size(before[kind])} > ${size(now[kind])}`]),
  );
}

/** In bytes, what is in memory and not V8's: malloc's heaps, stacks, what is mapped. */
export function nativeBytes() {
  const { rss, heapTotal, external } = process.memoryUsage();
  return rss - heapTotal - external;
}
