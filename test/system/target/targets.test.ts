/** Targets that the library did not make. */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import {
  Namespaces,
  type NamespaceType,
  openNamespaces,
  processTree,
  spawn,
  type Target,
  withNamespaces,
} from 'linux-namespaces';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noIds, noPidfdNamespaces } from '../shared/kernel.ts';
import {
  collected,
  errorOf,
  fdCount,
  hasProgram,
  inodeOf,
  place,
  placeOf,
  places,
  read,
  runScript,
  settled,
  start,
  startTarget,
  types,
  until,
} from '../shared/support.ts';

const threadTypes = ['cgroup', 'ipc', 'net', 'uts'] as const;

let before: { places: object; fds: number };
beforeEach(async () => {
  spawnSync('true');
  await settled();
  before = { places: places(), fds: fdCount() };
});
afterEach(async () => {
  await settled();
  await collected(before.fds);
  expect({ places: places(), fds: fdCount() }).toEqual(before);
});

type Placed = Partial<Record<NamespaceType, string>>;
const at = (wanted: readonly NamespaceType[], task: number | string = 'thread-self'): Placed =>
  Object.fromEntries(wanted.map(type => [type, placeOf(task, type)]));

/** Where a child process is that is started here. */
const childAt = (wanted: readonly NamespaceType[]): Placed => {
  const paths = wanted.map(type => `/proc/self/ns/${type}`);
  const { stdout } = spawnSync('readlink', paths, { encoding: 'utf8' });
  const lines = stdout.trim().split('\n');
  return Object.fromEntries(wanted.map((type, i) => [type, lines[i]]));
};

/** Goes into `target`, at once and later, and compares with what /proc says about `task`. */
async function visit(
  target: Target,
  wanted: readonly NamespaceType[] | 'all',
  there: Placed,
): Promise<void> {
  const home = places();
  const looked = Object.keys(there) as NamespaceType[];
  const now = withNamespaces(target, wanted, () => [places(), childAt(looked)]);
  expect(now).toEqual([{ ...home, ...there }, there]);
  const later = withNamespaces(target, wanted, async () => {
    await turn();
    return [places(), childAt(looked)];
  });
  expect(places()).toEqual(home);
  expect(await later).toEqual([{ ...home, ...there }, there]);
  expect(places()).toEqual(home);
}

describe('a process of unshare(1), with net, uts, ipc and cgroup of its own', () => {
  const flags = ['--net', '--uts', '--ipc', '--cgroup'];

  test('by pid, by ChildProcess, by paths, by handle', async () => {
    await using target = await startTarget(...flags);
    const there = at(threadTypes, target.pid);
    for (const type of threadTypes) expect(there[type]).not.toBe(place(type));
    const paths = Object.fromEntries(
      threadTypes.map(type => [type, `/proc/${target.pid}/ns/${type}`]),
    );
    using handle = openNamespaces(target.pid, threadTypes);
    for (const way of [target.pid, target.child, { pid: target.pid }, paths, handle]) {
      await visit(way, threadTypes, there);
      await visit(way, [...threadTypes].reverse(), there);
      await visit(way, 'all', there);
    }
  });

  test('each type by itself', async () => {
    await using target = await startTarget(...flags);
    for (const type of threadTypes) await visit(target.pid, [type], at([type], target.pid));
  });

  test('a handle shows all eight types, as /proc does', async () => {
    await using target = await startTarget(...flags);
    using handle = openNamespaces(target.pid, types);
    for (const type of types) {
      expect(handle.inode(type)).toBe(inodeOf(placeOf(target.pid, type)));
      if (noIds) continue;
      expect(handle.id(type) === ourId(type)).toBe(placeOf(target.pid, type) === place(type));
    }
  });

  test("'all' is what differs, as seen from where we are", async () => {
    await using target = await startTarget('--net', '--uts');
    using all = openNamespaces(target.pid, 'all');
    expect([...all.types].sort()).toEqual(['net', 'uts']);
    using none = openNamespaces(process.pid, 'all');
    expect(none.types).toEqual([]);
    expect(none.run(() => places())).toEqual(places());
    const inside = withNamespaces(target.pid, ['net'], () => {
      using rest = openNamespaces(target.pid, 'all');
      using home = openNamespaces(process.ppid, 'all');
      using same = openNamespaces(all, 'all');
      return [rest.types, home.types, same.types];
    });
    expect(inside).toEqual([['uts'], ['net'], ['uts']]);
  });

  test('the hostname and the interfaces are its own', async () => {
    await using target = await startTarget(...flags);
    const name = `target-${target.pid}`;
    execFileSync('nsenter', ['--uts', '--target', `${target.pid}`, 'hostname', name]);
    const seen = withNamespaces(target.pid, ['net', 'uts'], () => [
      os.hostname(),
      Object.keys(os.networkInterfaces()),
    ]);
    expect(seen).toEqual([name, []]);
    expect(os.hostname()).not.toBe(name);
  });
});

const ourId = (type: NamespaceType) => {
  using ours = openNamespaces(process.pid, [type]);
  return ours.id(type);
};

describe('a process of unshare(1), with pid and mnt besides', () => {
  const flags = ['--net', '--uts', '--ipc', '--cgroup', '--pid', '--mount'];

  test('the types that a thread can join', async () => {
    await using target = await startTarget(...flags);
    await visit(target.pid, threadTypes, at(threadTypes, target.pid));
    await visit(target.pid, ['net'], at(['net'], target.pid));
  });

  test("'all' names the others, and opens them", async () => {
    await using target = await startTarget(...flags);
    const error = errorOf(() => withNamespaces(target.pid, 'all', () => expect.unreachable()));
    expect(error).toMatchObject({ code: 'ENOTSUP' });
    expect(error.message).toMatch(/^pid, mnt: /);
    using all = openNamespaces(target.pid, 'all');
    expect([...all.types].sort()).toEqual([...threadTypes, 'mnt', 'pid'].sort());
    for (const type of all.types) {
      expect(all.inode(type)).toBe(inodeOf(placeOf(target.pid, type)));
    }
  });

  test('in a user namespace besides', async () => {
    await using target = await startTarget('--user', '--map-root-user', '--net', '--pid');
    await visit(target.pid, ['net'], at(['net'], target.pid));
    const error = errorOf(() => withNamespaces(target.pid, 'all', () => expect.unreachable()));
    expect(error.message).toMatch(/^user, pid: /);
  });

  test('the process that it was forked from has not the same pid namespace', async () => {
    await using target = await startTarget(...flags);
    using parent = openNamespaces(target.child, types);
    using child = openNamespaces(target.pid, types);
    expect(parent.inode('net')).toBe(child.inode('net'));
    expect(parent.inode('pid')).toBe(inodeOf(place('pid')));
    expect(child.inode('pid')).not.toBe(parent.inode('pid'));
  });
});

describe.skipIf(!hasProgram('ip'))('a path made by ip netns add [needs ip]', () => {
  const name = `linux-namespaces-${process.pid}`;
  const file = `/run/netns/${name}`;
  beforeEach(() => {
    execFileSync('ip', ['netns', 'add', name]);
  });
  afterEach(() => {
    execFileSync('ip', ['netns', 'delete', name]);
  });

  test('is entered, with no process in it', async () => {
    const shown = execFileSync('stat', ['-c', '%i', file], { encoding: 'utf8' }).trim();
    const there = { net: `net:[${shown}]` };
    expect(there.net).not.toBe(place('net'));
    await visit({ net: file }, ['net'], there);
    await visit({ net: file }, 'all', there);
    await visit({ net: file, uts: '/proc/self/ns/uts' }, ['net'], there);
  });

  test('is the namespace that ip works in', () => {
    execFileSync('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
    const inside = withNamespaces({ net: file }, ['net'], () => [
      Object.keys(os.networkInterfaces()),
      execFileSync('ip', ['netns', 'identify'], { encoding: 'utf8' }).trim(),
    ]);
    expect(inside).toEqual([['lo'], name]);
  });

  test('lives on in a handle when it is deleted', () => {
    using handle = openNamespaces({ net: file }, ['net']);
    const inode = handle.inode('net');
    execFileSync('ip', ['netns', 'delete', name]);
    expect(errorOf(() => openNamespaces({ net: file }, ['net']))).toMatchObject({
      code: 'ENOENT',
      target: file,
    });
    expect(handle.run(() => place('net'))).toBe(`net:[${inode}]`);
    execFileSync('ip', ['netns', 'add', name]);
    using next = openNamespaces({ net: file }, ['net']);
    if (!noIds) expect(next.id('net')).not.toBe(handle.id('net'));
    expect(next.run(() => place('net'))).toBe(`net:[${next.inode('net')}]`);
  });

  test('is good in one list with a process', async () => {
    await using target = await startTarget('--uts');
    const paths = { net: file, uts: `/proc/${target.pid}/ns/uts` };
    using handle = openNamespaces(paths, ['uts', 'net']);
    await visit(handle, ['uts', 'net'], {
      net: `net:[${handle.inode('net')}]`,
      uts: placeOf(target.pid, 'uts'),
    });
    expect(handle).toBeInstanceOf(Namespaces);
  });
});

/** A process of two threads, of which the second goes into a network of its own and says its id. */
const twoThreads = `
import ctypes, threading, time
def away():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x40000000 | 0x04000000) != 0:
        raise OSError(ctypes.get_errno())
    print(threading.get_native_id(), flush=True)
    time.sleep(3600)
threading.Thread(target=away).start()
`;

describe.skipIf(!hasProgram('python3'))(
  'a thread that is elsewhere than its process [needs python3]',
  () => {
    const startThreads = async () => {
      const started = start('python3', ['-c', twoThreads]);
      const tid = await until('the thread', () => Number(started.output().trim()));
      return { started, pid: started.pid, tid, [Symbol.asyncDispose]: started.kill };
    };

    test('is entered by its id, and its process by its own', async () => {
      await using target = await startThreads();
      const { pid, tid } = target;
      const task = `${pid}/task/${tid}`;
      expect(tid).not.toBe(pid);
      expect(placeOf(task, 'net')).not.toBe(placeOf(pid, 'net'));
      await visit(tid, ['net', 'uts'], at(['net', 'uts'], task));
      await visit({ pid: tid }, 'all', at(['net', 'uts'], task));
      await visit(pid, ['net', 'uts'], at(['net', 'uts'], pid));
      await visit({ net: `/proc/${task}/ns/net` }, ['net'], at(['net'], task));
      using handle = openNamespaces(tid, types);
      for (const type of types) expect(handle.inode(type)).toBe(inodeOf(placeOf(task, type)));
    });

    test('is no process, and no tree begins with it', async () => {
      await using target = await startThreads();
      await expect(processTree(target.tid)).rejects.toMatchObject({
        code: 'ESRCH',
        message: expect.stringMatching(`it is a thread of process ${target.pid}$`),
      });
    });

    test('goes on without the first one, and is named', async () => {
      const first = 'import ctypes\nctypes.CDLL(None).pthread_exit(None)';
      const started = start('python3', ['-c', `${twoThreads}\n${first}`]);
      await using target = { [Symbol.asyncDispose]: started.kill };
      void target;
      const tid = await until('the thread', () => Number(started.output().trim()));
      await until('the end of the first', () =>
        /^State:\tZ/m.test(readFileSync(`/proc/${started.pid}/status`, 'utf8')),
      );
      const ended = {
        code: 'ESRCH',
        message: expect.stringContaining(`a thread can be the target, such as ${tid} (`),
      };
      expect(errorOf(() => openNamespaces(started.pid, ['net']))).toMatchObject(ended);
      const rights = { target: started.pid, namespaces: [], credentials: 'target' } as const;
      expect(errorOf(() => spawn('true', [], rights))).toMatchObject(ended);
      await visit(tid, ['net', 'uts'], at(['net', 'uts'], `${started.pid}/task/${tid}`));
    });

    test('is gone with its process', async () => {
      await using target = await startThreads();
      const there = at(['net'], `${target.pid}/task/${target.tid}`);
      using handle = openNamespaces(target.tid, ['net']);
      await target.started.kill();
      expect(errorOf(() => openNamespaces(target.tid, ['net']))).toMatchObject({ code: 'ESRCH' });
      await visit(handle, ['net'], there);
    });
  },
);

const otherwise = 'where /proc numbers processes otherwise than we do, as after unshare --pid';
test.skipIf(noPidfdNamespaces)(`${otherwise} [${noPidfdNamespaces || 'PIDFD_GET_*'}]`, () => {
  // Outside, 2 is a sleep in a network of its own; it is also what our program takes itself for.
  const seen = runScript(
    `
    import { spawn } from 'node:child_process';
    import { readlinkSync } from 'node:fs';
    import { createNamespaces, openNamespaces, withNamespaces } from 'linux-namespaces';
    const at = (task = 'thread-self') => readlinkSync('/proc/' + task + '/ns/net');
    const home = at();
    console.log(process.pid, at('2') !== home);
    const lab = await createNamespaces(['net']);
    const inside = lab.run(() => at());
    console.log(inside === 'net:[' + lab.inode('net') + ']' && inside !== home, at() === home);
    console.log(withNamespaces(2, ['net'], () => at()) === at('2'), at() === home);
    console.log(openNamespaces(2, 'all').types.join());
    // A child's pid is from the kernel: outside, that number is nobody's, or a stranger's.
    const child = spawn('sh', ['-c', 'readlink /proc/thread-self/ns/net; exec unshare --net sh -c "readlink /proc/thread-self/ns/net; exec cat"']);
    let shown = '';
    for await (const data of child.stdout) if ((shown += data).split('\\n').length === 3) break;
    console.log(withNamespaces(child, ['net'], () => at()) === shown.split('\\n')[1], at() === home);
    child.kill('SIGKILL');
    console.log(openNamespaces({ net: '/proc/thread-self/ns/net' }, 'all').types.length);
    `,
    [
      'unshare',
      '--pid',
      '--fork',
      '--mount-proc',
      'sh',
      '-c',
      `unshare --net sleep infinity &
      until [ $(readlink /proc/2/ns/net) != $(readlink /proc/1/ns/net) ]; do :; done
      unshare --pid --fork sh -c '"$@"; exit $?' sh "$@"`,
      'sh',
    ],
  );
  expect(seen).toBe('2 true\ntrue true\ntrue true\nnet,pid\ntrue true\n0\n');
});

describe.skipIf(!hasProgram('busybox'))('a container of busybox alone [needs busybox]', () => {
  test('with no /proc, no shell of ours, and a root of its own', async () => {
    const root = mkdtempSync(path.join(os.tmpdir(), 'namespaces-'));
    try {
      mkdirSync(path.join(root, 'bin'));
      const busybox = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' });
      copyFileSync(busybox.trim(), path.join(root, 'bin', 'busybox'));
      const flags = ['--net', '--uts', '--ipc', '--cgroup', '--mount', '--pid', '--fork'];
      const program = ['/bin/busybox', 'sleep', '3600'];
      await using engine = start('unshare', [...flags, '--kill-child', '--root', root, ...program]);
      const pid = await until('the container', () => {
        const child = read(`/proc/${engine.pid}/task/${engine.pid}/children`);
        return read(`/proc/${child}/comm`) === 'busybox' && Number(child);
      });
      await visit(pid, threadTypes, at(threadTypes, pid));
      expect(errorOf(() => withNamespaces(pid, 'all', () => {})).message).toMatch(/^pid, mnt: /);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});

test('a handle comes from the functions alone', () => {
  const Made = Namespaces as unknown as new (fds?: unknown) => Namespaces;
  expect(() => new Made()).toThrow(TypeError);
  expect(() => new Made({ release() {} })).toThrow('Illegal constructor');
});
