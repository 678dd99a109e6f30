/** npm start -- PID|NAME: which namespaces of a process are other ones than ours, and what is in them. */
import { readFileSync, readlinkSync } from 'node:fs';
import os from 'node:os';
import { openNamespaces, withNamespaces } from 'linux-namespaces';
import { interfaces, table } from './format.mjs';

/** @type {import('linux-namespaces').NamespaceType[]} */
const types = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'];
/** Those that a callback can be in. */
const enterable = new Set(['cgroup', 'ipc', 'net', 'uts']);

/** What targetOf gives. */
export function look(target) {
  const theirs = openNamespaces(target, 'all');
  try {
    report(target.pid ?? target, theirs);
  } finally {
    theirs.close();
  }
}

function report(pid, theirs) {
  const program = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  const other = new Set(theirs.types);
  if (other.size === 0) {
    console.log(
      `Process ${pid} (${program}) is in the same namespaces as we are: nothing differs.`,
    );
    return;
  }
  console.log(`Process ${pid} (${program})\n`);
  console.log(
    table([
      ['namespace', 'ours', 'its own', ''],
      ...types.map(type => [
        type,
        readlinkSync(`/proc/thread-self/ns/${type}`).match(/\d+/)[0],
        other.has(type) ? theirs.inode(type) : 'the same',
        other.has(type) && !enterable.has(type) ? 'no callback can be in it' : '',
      ]),
    ]),
  );
  const entered = types.filter(type => other.has(type) && enterable.has(type));
  if (entered.length === 0) {
    console.log('\nNone of these is one that a callback can be in.');
    return;
  }
  const seen = withNamespaces(theirs, entered, () => find(pid, entered));
  console.log(`\nInside ${entered.join(', ')}:\n`);
  console.log(table(seen));
}

const lines = path => readFileSync(path, 'utf8').trim().split('\n');

/** Runs inside. */
function find(pid, entered) {
  const ways = {
    uts: () => [['hostname', os.hostname(), '']],
    net: () => interfaces().map(([name, found]) => ['interface', name, found]),
    ipc: () =>
      [
        ['shm', 'shared memory segments'],
        ['sem', 'semaphore sets'],
        ['msg', 'message queues'],
      ].map(([file, words]) => ['ipc', lines(`/proc/sysvipc/${file}`).length - 1, words]),
    cgroup: () => [
      [
        'cgroup',
        lines(`/proc/${pid}/cgroup`)
          .at(-1)
          .replace(/^\d+:[^:]*:/, ''),
        '',
      ],
    ],
  };
  return ['uts', 'net', 'ipc', 'cgroup'].flatMap(type =>
    entered.includes(type) ? ways[type]() : [],
  );
}
