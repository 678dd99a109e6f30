// What does not stand still, may not be looked at, or is not there: lists stay whole and say what they
// could not see.
import { mkdtempSync, readdirSync, readlinkSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import {
  listNamespaces,
  listSockets,
  type NamespaceInfo,
  namespacesOf,
  processTree,
  sameNamespaces,
} from 'linux-namespaces';
import { describe, expect, test } from 'vitest';
import { noPidfdNamespaces } from '../shared/kernel.ts';
import {
  errorOf,
  fdCount,
  inodeOf,
  placeOf,
  read,
  rejectionOf,
  runScript,
  startTarget,
  threads,
  until,
} from '../shared/support.ts';
import { folder, hold, holder } from './fixtures/holder.ts';

function expectWhole(rows: readonly NamespaceInfo[]): void {
  expect(new Set(rows.map(row => row.inode)).size).toBe(rows.length);
  for (const row of rows) {
    if (row.processes === 0) {
      expect(row).toMatchObject({ pid: undefined, command: undefined, uid: undefined });
    } else {
      expect(row.pid).toBeGreaterThan(0);
      expect(row.command).not.toBe('');
      expect(row.uid).toBeGreaterThanOrEqual(0);
      expect(row.owner ?? row.parent ?? row.type).toBeTruthy();
    }
  }
}

describe('processes that come and go', () => {
  test('a storm of forks', { timeout: 120_000 }, async () => {
    await using storm = await hold(holder, 'storm', '4');
    await using steady = await startTarget('--uts', '--net');
    const running = () => !(read(`/proc/${storm.pid}/stat`) ?? ') Z').includes(') Z');
    let rounds = 0;
    for (; rounds < 3 || running(); rounds++) {
      const [rows, shallow, tree] = await Promise.all([
        listNamespaces(),
        listNamespaces({ holders: false }),
        processTree(),
        listSockets(process.pid),
      ]);
      for (const list of [rows, shallow]) {
        expectWhole(list);
        for (const type of ['uts', 'net'] as const) {
          const inode = inodeOf(placeOf(steady.pid, type));
          const row = list.find(row => row.inode === inode);
          expect(row).toMatchObject({ type, processes: 1, pid: steady.pid });
        }
      }
      expect(tree.length).toBeGreaterThan(0);
    }
  });

  test('a target that is gone', async () => {
    const target = await startTarget('--uts');
    await target.kill();
    expect(await rejectionOf(listNamespaces({ target: target.pid }))).toMatchObject({
      code: 'ESRCH',
    });
    expect(await rejectionOf(listNamespaces({ target: target.child }))).toMatchObject({
      code: 'ESRCH',
    });
    expect(await rejectionOf(processTree(target.pid))).toMatchObject({ code: 'ESRCH' });
    expect(errorOf(() => namespacesOf(target.pid))).toMatchObject({ code: 'ESRCH' });
    expect(errorOf(() => sameNamespaces(process.pid, target.pid))).toMatchObject({
      code: 'ESRCH',
    });
  });
});

describe('much of it', () => {
  test('a process with 100,000 fds of one namespace, or as many as the machine allows: one entry', async () => {
    await using target = await startTarget('--uts');
    await using many = await hold(holder, 'fds', '100000', `/proc/${target.pid}/ns/uts`);
    expect(Number(many.words)).toBeGreaterThan(1000);
    const [row] = await listNamespaces({ types: ['uts'], target: target.pid });
    expect(row?.holders).toEqual([{ by: 'fd', pid: many.pid, fd: 3 }]);
    expect(row?.processes).toBe(1);
  });

  test('a process with a command line of 100 KB and a name with newlines and brackets in it', async () => {
    const long = 'x'.repeat(100_000);
    await using one = await hold('unshare', '--uts', holder, 'sleepers', '0', long);
    const [row] = await listNamespaces({ types: ['uts'], target: one.pid });
    expect(row?.command).toBe(`${holder} sleepers 0 ${long}`);
    // A name that looks like the end of the field in /proc/PID/stat, and like a line of status.
    const name = 'a) Z 1\nUid:\t7';
    const script = `
      const { writeFileSync } = require('fs');
      process.title = 'zz';
      writeFileSync('/proc/self/comm', ${JSON.stringify(name)});
      console.log('ready'); setInterval(() => {}, 1e6);`;
    await using odd = await hold('unshare', '--uts', process.execPath, '-e', script);
    const [named] = await listNamespaces({ types: ['uts'], target: odd.pid });
    expect(named).toMatchObject({ uid: 0, pid: odd.pid, ppid: process.pid });
    const found = await processTree(odd.pid);
    expect(JSON.stringify(found)).toContain(`"pid":${odd.pid},"ppid":${process.pid}`);
  });
});

function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return ''; // it is gone
  }
}

function codeOf(link: string): string | undefined {
  try {
    readlinkSync(link);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

const look = `
  import { listNamespaces, listSockets, processTree } from 'linux-namespaces';
  import fs from 'node:fs';
  const say = value =>
    console.log(JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? String(v) : v)));
  const count = nodes => nodes.reduce((sum, node) => sum + 1 + count(node.children), 0);
  const visible = fs.readdirSync('/proc').filter(name => /^[0-9]+$/.test(name)).length;
`;
const nobody = 'setpriv --reuid=65534 --regid=65534 --clear-groups';
const alone = ['unshare', '--pid', '--fork', '--kill-child', '--mount', '--mount-proc'];
/** A shell's words that start five processes and wait until they are there. */
function sleepers(): string {
  const ready = join(mkdtempSync(join(folder, 'ready-')), 'ready');
  return `${holder} sleepers 4 > ${ready} & until [ -s ${ready} ]; do :; done`;
}

describe('what may not be seen', () => {
  test('without rights: what is our own, and how many others there are', () => {
    const script = `${look}
      const rows = await listNamespaces();
      const tree = await processTree();
      const sockets = await listSockets(process.pid);
      say({ rows, unreadable: rows.unreadable, tree: count(tree), pid: process.pid, visible });`;
    // "$0" "$@": what runScript adds.
    const said = runScript(script, [...alone, 'sh', '-c', `${sleepers()}; ${nobody} "$0" "$@"`]);
    const { rows, unreadable, tree, pid, visible } = JSON.parse(said);
    expect(visible).toBe(7); // the shell, five sleepers, this Node
    expect(unreadable).toBe(6);
    expect(tree).toBe(7);
    expectWhole(
      rows.map((row: object) => ({ pid: undefined, command: undefined, uid: undefined, ...row })),
    );
    const inside = rows.filter((row: NamespaceInfo) => row.processes > 0);
    expect(inside.map((row: NamespaceInfo) => row.type).sort()).toEqual([
      'cgroup',
      'ipc',
      'mnt',
      'net',
      'pid',
      'time',
      'user',
      'uts',
    ]);
    for (const row of inside) {
      expect(row).toMatchObject({ ours: true, processes: 1, pid, uid: 65534, user: 'nobody' });
    }
  });

  test.each([
    ['hidepid=1: their directories are there and closed', 1, 6],
    ['hidepid=2: they are not there', 2, 0],
  ])('/proc mounted with %s', (_, hidepid, hidden) => {
    const script = `${look} const rows = await listNamespaces();
      say({ types: rows.filter(row => row.processes > 0).length, unreadable: rows.unreadable });`;
    const mount = `mount -t proc -o hidepid=${hidepid} proc /proc`;
    const shell = (as: string) => ['sh', '-c', `${sleepers()}; ${mount}; ${as} "$0" "$@"`];
    const theirs = JSON.parse(runScript(script, [...alone, ...shell(nobody)]));
    expect(theirs).toEqual({ types: 8, unreadable: hidden });
    const roots = JSON.parse(runScript(script, [...alone, ...shell('env')]));
    expect(roots).toEqual({ types: 8, unreadable: 0 });
  });

  test('what even root may not look into is counted, not thrown', async () => {
    // Such are pid 1 of some virtual machines, and processes that a security module guards.
    const refused = () =>
      readdirSync('/proc').filter(
        pid => /^\d/.test(pid) && codeOf(`/proc/${pid}/ns/net`) === 'EACCES',
      );
    const before = refused();
    const { unreadable } = await listNamespaces({ holders: false });
    const after = refused();
    expect(unreadable).toBeGreaterThanOrEqual(before.filter(pid => after.includes(pid)).length);
    expect(unreadable).toBeLessThanOrEqual(new Set([...before, ...after]).size);
  });

  const foreign = `the /proc of another pid namespace: its pids [${noPidfdNamespaces || 'PIDFD_GET_*'}]`;
  test.skipIf(noPidfdNamespaces)(foreign, async () => {
    const script = `${look} const rows = await listNamespaces();
      say({ pids: rows.map(row => row.pid), tree: count(await processTree()) });`;
    await using target = await startTarget('--pid', '--mount', '--mount-proc');
    const said = runScript(script, [
      'nsenter',
      '-t',
      `${target.pid}`,
      '--mount',
      'sh',
      '-c',
      `cd '${process.cwd()}' && "$0" "$@"`,
    ]);
    const { pids, tree } = JSON.parse(said);
    expect(pids.filter(Boolean)).toContain(1);
    expect(pids.filter((pid: number) => pid > 1)).toEqual([]);
    expect(tree).toBe(1);
  });

  test('a time namespace whose clock began after the processes: they started when they did', async () => {
    const script = `import { processTree } from 'linux-namespaces';
      const find = nodes => nodes.map(one => (one.pid === ${process.pid} ? one : find(one.children))).find(Boolean);
      console.log(find(await processTree(undefined, { containers: false })).start.getTime());`;
    const behind = `--boottime=${1 - Math.floor(uptime())}`;
    const start = Number(runScript(script, ['unshare', '-T', '-f', behind]));
    expect(Math.abs(start - (Date.now() - process.uptime() * 1000))).toBeLessThan(3000);
  });
});

describe('no /proc', () => {
  test.each([
    ['another file system there', 'mount -t tmpfs tmpfs /proc'],
    ['nothing mounted there', 'umount -l /proc'],
  ])('%s: an error that says so', (_, command) => {
    const script = `
      import { listNamespaces, processTree } from 'linux-namespaces';
      const fail = promise => promise.then(() => 'none', ({ code, message }) => ({ code, message }));
      console.log(JSON.stringify([await fail(listNamespaces()), await fail(processTree())]));`;
    const said = runScript(script, ['unshare', '--mount', 'sh', '-c', `${command}; "$0" "$@"`]);
    const message = expect.stringMatching(/^\/proc: open ENOSYS, .*mount one$/);
    expect(JSON.parse(said)).toEqual(Array(2).fill({ code: 'ENOSYS', message }));
  });
});

describe('threads', () => {
  test('a Worker that is terminated while it lists takes nothing along', () => {
    const script = `
      import fs from 'node:fs';
      import { once } from 'node:events';
      import { setTimeout as sleep } from 'node:timers/promises';
      import { Worker } from 'node:worker_threads';
      import { listNamespaces } from 'linux-namespaces';
      const source = \`
        const { parentPort } = require('node:worker_threads');
        import('linux-namespaces').then(async library => {
          const list = () => Promise.all([
            library.listNamespaces(), library.listSockets(process.pid),
            library.listInterfaces(process.pid), library.processTree(),
          ]);
          // All modules are loaded then: Node 20 leaves the file open that a Worker is importing when it is terminated.
          await list();
          for (;;) {
            parentPort.postMessage('listing');
            await list();
          }
        });\`;
      const held = () => [
        fs.readdirSync('/proc/self/task').length, fs.readdirSync('/proc/self/fd').length,
      ];
      const round = async i => {
        const worker = new Worker(source, { eval: true, execArgv: [] });
        await once(worker, 'message');
        await sleep(i % 7);
        await worker.terminate();
      };
      for (let i = 0; i < 2; i++) await round(i);
      await sleep(500);
      const [threads, fds] = held();
      for (let i = 0; i < 8; i++) await round(i);
      const end = Date.now() + 10_000;
      while ((held()[0] > threads || held()[1] > fds) && Date.now() < end) await sleep(20);
      const [nowThreads, nowFds] = held();
      const rows = await listNamespaces();
      console.log(nowThreads <= threads, nowFds <= fds, rows.length > 0);`;
    expect(runScript(script).trim()).toBe('true true true');
  });

  test('no file that a list opens is seen in the process, nor could a child inherit it', async () => {
    let listing = 3;
    for (let i = listing; i > 0; i--) void listNamespaces().finally(() => listing--);
    const seen: string[] = [];
    while (listing > 0) {
      const links = readdirSync('/proc/self/fd').map(fd => targetOf(`/proc/self/fd/${fd}`));
      seen.push(...links.filter(link => /^(\/proc\/\d+|[a-z]+:\[\d{10}\]$)/.test(link)));
      await turn();
    }
    expect(seen.filter(link => !link.startsWith(`/proc/${process.pid}/fd`))).toEqual([]);
  });

  test('many lists at once: each whole, nothing left open, no thread left', async () => {
    await listNamespaces();
    const [fds, many] = [fdCount(), threads().length];
    const lists = await Promise.all(Array.from({ length: 10 }, () => listNamespaces()));
    for (const rows of lists) {
      expectWhole(rows);
    }
    await until('the threads to end', () => threads().length <= many);
    expect(fdCount()).toBeLessThanOrEqual(fds);
  });
});

test('wrong arguments', async () => {
  const refused = (options: unknown) => rejectionOf(listNamespaces(options as never));
  for (const options of [
    null,
    7,
    { types: 'all' },
    { types: 'net' },
    { persistent: 1 },
    { holders: 'no' },
  ]) {
    expect(await refused(options)).toMatchObject({
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_TYPE',
    });
  }
  for (const types of [['x'], [], ['net', 'net']]) {
    expect(await refused({ types })).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  }
  expect(await refused({ target: 'x' })).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  expect(await rejectionOf(processTree(-1))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  expect(errorOf(() => sameNamespaces(1, { net: '/proc/self/ns/net' }, ['uts']))).toMatchObject({
    code: expect.stringMatching(/ERR_INVALID_ARG_VALUE|EACCES/),
  });
});
