/** What the raw calls answer, as the kernel does: ioctls, pidfds, setns, unshare. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readdirSync, readlinkSync } from 'node:fs';
import os from 'node:os';
import { createNamespaces } from 'linux-namespaces';
import * as sys from 'linux-namespaces/syscalls';
import { describe, expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';
import { noIds, noPidfdNamespaces, noThreadPidfds } from '../shared/kernel.ts';
import {
  errorOf,
  inodeOf,
  place,
  placeOf,
  places,
  runScript,
  startTarget,
  threads,
  types,
} from '../shared/support.ts';
import { coming, open, ours, threadTypes, watchThread } from './fixtures/thread.ts';

watchThread();

describe('ioctls', () => {
  test.each(types)('on our own %s namespace', type => {
    const fd = ours(type);
    expect(sys.nsType(fd)).toBe(type);
    expect(sys.nsInode(fd)).toBe(inodeOf(place(type)));
    if (type !== 'user') {
      const owner = open(sys.nsOwner(fd));
      expect(sys.nsType(owner)).toBe('user');
    }
  });

  test.skipIf(noIds).each(types)(
    `on our own %s namespace: its id [${noIds || 'NS_GET_ID'}]`,
    type => {
      const id = sys.nsId(ours(type));
      expect(id).toBeTypeOf('bigint');
      expect(sys.nsId(ours(type))).toBe(id);
    },
  );

  test('on what a process of its own user namespace has', async () => {
    await using target = await startTarget('--user', '--map-root-user', '--net', '--pid');
    const net = open(sys.openNamespace(`/proc/${target.pid}/ns/net`));
    const user = open(sys.openNamespace(`/proc/${target.pid}/ns/user`));
    const pid = open(sys.openNamespace(`/proc/${target.pid}/ns/pid`));
    expect(sys.nsInode(open(sys.nsOwner(net)))).toBe(inodeOf(placeOf(target.pid, 'user')));
    expect(sys.nsInode(open(sys.nsOwner(user)))).toBe(inodeOf(place('user')));
    expect(sys.nsInode(open(sys.nsParent(user)))).toBe(inodeOf(place('user')));
    expect(sys.nsInode(open(sys.nsParent(pid)))).toBe(inodeOf(place('pid')));
    expect(sys.nsType(open(sys.nsParent(pid)))).toBe('pid');
    expect(sys.nsOwnerUid(user)).toBe(0);
  });

  test('the owner uid is that of who created it', () => {
    const seen = runScript(`
      import { openNamespace, nsOwnerUid } from 'linux-namespaces/syscalls';
      import { spawn } from 'node:child_process';
      import { readlinkSync } from 'node:fs';
      const at = pid => { try { return readlinkSync('/proc/' + pid + '/ns/user'); } catch {} };
      const child = spawn('unshare', ['--user', 'sleep', 'infinity'], { uid: 4711, gid: 4711, stdio: 'ignore' });
      while (at(child.pid) === at('self')) await new Promise(setImmediate);
      console.log(nsOwnerUid(openNamespace('/proc/' + child.pid + '/ns/user')));
      child.kill('SIGKILL');
      `);
    expect(seen).toBe('4711\n');
  });

  const calls = {
    nsType: sys.nsType,
    nsParent: sys.nsParent,
    nsOwner: sys.nsOwner,
    nsOwnerUid: sys.nsOwnerUid,
    nsId: sys.nsId,
    nsInode: sys.nsInode,
    pidfdNamespace: (fd: number) => sys.pidfdNamespace(fd, 'net'),
  };
  const files = { file: '/proc/self/status', directory: '/', device: '/dev/null' };

  test.each(Object.keys(calls) as (keyof typeof calls)[])('%s of what is none', name => {
    for (const path of Object.values(files)) {
      const error = errorOf(() => calls[name](open(openSync(path, 'r'))));
      expect(error).toBeInstanceOf(sys.NamespaceError);
      expect(error).toMatchObject({ code: 'ENOTTY', errno: -25, syscall: 'ioctl' });
      expect(error.message).toContain(name === 'pidfdNamespace' ? 'no pidfd' : 'no namespace');
    }
    expect(errorOf(() => calls[name](-1))).toMatchObject({ code: 'EBADF', errno: -9 });
    expect(errorOf(() => calls[name](1_000_000))).toMatchObject({ code: 'EBADF' });
  });

  test.each([...Object.keys(calls), 'setns'] as (keyof typeof calls)[])(
    '%s of what is no fd',
    name => {
      const call = { ...calls, setns: (fd: number) => sys.setns(fd, 'net') }[name];
      for (const fd of ['3', undefined, null, {}, 3n]) {
        expect(errorOf(() => call(fd as number))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
      }
      // A number that wraps around would be that of somebody else's file.
      for (const fd of [Number.NaN, 3.5, Infinity, 2 ** 31, 2 ** 32 + ours('net')]) {
        expect(errorOf(() => call(fd))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
      }
    },
  );

  test.each([
    ['nsParent', ['cgroup', 'ipc', 'mnt', 'net', 'time', 'uts'], 'EINVAL', 'have a parent'],
    ['nsOwnerUid', ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'uts'], 'EINVAL', 'owner uid'],
  ] as const)('%s of a type that has none', (name, without, code, words) => {
    for (const type of without) {
      const error = errorOf(() => calls[name](ours(type)));
      expect(error).toMatchObject({ code, syscall: 'ioctl' });
      expect(error.message).toContain(words);
    }
  });

  test('no way leads out of our own user and pid namespace', () => {
    const seen = runScript(
      `
      import { nsOwner, nsParent, openNamespace } from 'linux-namespaces/syscalls';
      const attempt = fn => { try { fn(); console.log('done'); } catch (error) { console.log(error.code, error.message.split('; ')[1]); } };
      const [user, pid] = ['user', 'pid'].map(type => openNamespace('/proc/self/ns/' + type));
      for (const call of [nsParent, nsOwner]) attempt(() => call(user));
      attempt(() => nsParent(pid));
      `,
      ['unshare', '--user', '--map-root-user', '--pid', '--fork', '--mount-proc'],
    );
    expect(seen.split('\n')).toEqual([
      expect.stringMatching(/^EPERM .*outside of our own/),
      expect.stringMatching(/^EPERM .*outside of our own/),
      expect.stringMatching(/^EPERM .*outside of our own/),
      '',
    ]);
  });

  test.skipIf(noIds)(
    `ids are stable, distinct, and not given again [${noIds || 'NS_GET_ID'}]`,
    async () => {
      const seen = new Map<bigint, number>();
      for (let i = 0; i < 20; i++) {
        using lab = await createNamespaces(['net', 'uts', 'ipc', 'cgroup']);
        for (const type of lab.types) {
          const id = sys.nsId(lab.fd(type));
          expect(sys.nsId(lab.fd(type))).toBe(id);
          expect(lab.id(type)).toBe(id);
          expect(sys.nsInode(lab.fd(type))).toBe(lab.inode(type));
          lab.run(() => expect(sys.nsId(ours(type))).toBe(id));
          seen.set(id, lab.inode(type));
        }
      }
      expect(seen.size).toBe(80);
      for (const type of types) expect(seen.has(sys.nsId(ours(type)))).toBe(false);
    },
  );
});

describe('pidfds', () => {
  const needed = noPidfdNamespaces || 'PIDFD_GET_NET_NAMESPACE';

  test.skipIf(noPidfdNamespaces)(`each namespace of a process [${needed}]`, async () => {
    await using target = await startTarget('--net', '--uts', '--ipc', '--cgroup');
    const pidfd = open(sys.pidfdOpen(target.pid));
    for (const type of types) {
      const fd = open(sys.pidfdNamespace(pidfd, type));
      expect(sys.nsType(fd)).toBe(type);
      expect(sys.nsInode(fd)).toBe(inodeOf(placeOf(target.pid, type)));
    }
    await target.kill();
    const inTime = { code: 'ESRCH', errno: -3 };
    expect(errorOf(() => sys.pidfdNamespace(pidfd, 'net'))).toMatchObject(inTime);
  });

  test('of a process', { timeout: seconds(20) }, async () => {
    await using target = await startTarget('--net', '--uts', '--ipc', '--cgroup');
    const pidfd = open(sys.pidfdOpen(target.pid));
    const theirs = threadTypes.map(type => placeOf(target.pid, type));
    coming(() => {
      sys.setns(pidfd, threadTypes);
      expect(threadTypes.map(place)).toEqual(theirs);
    });
    await target.kill();
    const inTime = { code: 'ESRCH', errno: -3 };
    expect(errorOf(() => sys.setns(pidfd, ['net', 'uts']))).toMatchObject(inTime);
    expect(errorOf(() => sys.pidfdOpen(target.pid))).toMatchObject({
      ...inTime,
      syscall: 'pidfd_open',
      target: target.pid,
    });
  });

  test.each([0, -1, -(2 ** 31)])('of %s: EINVAL', pid => {
    expect(errorOf(() => sys.pidfdOpen(pid))).toMatchObject({ code: 'EINVAL', target: pid });
  });

  test('of what is no pid', () => {
    for (const pid of ['1', undefined, 1n] as unknown[]) {
      expect(errorOf(() => sys.pidfdOpen(pid as number))).toMatchObject({
        code: 'ERR_INVALID_ARG_TYPE',
      });
    }
    for (const pid of [1.5, Number.NaN, 2 ** 32 + process.pid]) {
      expect(errorOf(() => sys.pidfdOpen(pid))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    }
    expect(errorOf(() => sys.pidfdOpen(process.pid, 1))).toMatchObject({ code: 'EINVAL' });
  });

  const forThreads = noThreadPidfds || noPidfdNamespaces;

  test.skipIf(forThreads)(`of a thread [${forThreads || 'PIDFD_THREAD'}]`, () => {
    const thread = Number(threads().find(id => Number(id) !== process.pid));
    const error = errorOf(() => sys.pidfdOpen(thread));
    expect(['ENOENT', 'EINVAL']).toContain(error.code);
    const pidfd = open(sys.pidfdOpen(thread, sys.PIDFD_THREAD));
    expect(sys.nsInode(open(sys.pidfdNamespace(pidfd, 'net')))).toBe(inodeOf(place('net')));
  });

  test('close when a program is executed', () => {
    const fds = [open(sys.pidfdOpen(process.pid, sys.PIDFD_NONBLOCK)), ours('net')];
    const { stdout } = spawnSync('ls', ['/proc/self/fd'], { encoding: 'utf8' });
    for (const fd of fds) expect(stdout.split('\n')).not.toContain(String(fd));
  });
});

describe('setns answers as the kernel does', () => {
  test.each([
    ['-1', 'net', 'EBADF'],
    ['1000000', 'net', 'EBADF'],
    ['/proc/self/status', 'net', 'EINVAL'],
    ['/', 'net', 'EINVAL'],
    ['/proc/self/ns/uts', 'net', 'EINVAL'],
    ['/proc/self/ns/net', ['net', 'uts'], 'EINVAL'],
    ['/proc/self/ns/user', 'user', 'EINVAL'],
    ['/proc/self/ns/mnt', 'mnt', 'EINVAL'],
    ['/proc/self/ns/time', 'time', 'EUSERS'],
  ] as const)('%s as %s: %s', (path, wanted, code) => {
    const fd = path.startsWith('/') ? open(openSync(path, 'r')) : Number(path);
    const error = errorOf(() => sys.setns(fd, wanted));
    expect(error).toBeInstanceOf(sys.NamespaceError);
    expect(error).toMatchObject({ code, syscall: 'setns' });
  });

  test.each(['user', 'time', 'mnt'] as const)('%s: the error says what works', type => {
    const wanted = { type, syscall: 'setns' };
    for (const call of [() => sys.setns(ours(type), type), () => sys.setns(ours(type))]) {
      const error = errorOf(call);
      expect(error).toMatchObject(wanted);
      expect(error.message).toContain(`${type}: cannot be joined by a thread of Node`);
      expect(error.message).toContain('spawn() or evaluate()');
    }
  });

  test('without types: whatever it is', async () => {
    using lab = await createNamespaces(['net', 'uts'], { hostname: 'green' });
    coming(() => {
      sys.setns(lab.fd('uts'));
      expect(os.hostname()).toBe('green');
      sys.setns(lab.fd('net'));
      expect(place('net')).toBe(`net:[${lab.inode('net')}]`);
    });
    // A pidfd has ioctls of its own from Linux 6.11 on, and at first another answer to what is none.
    const { code } = errorOf(() => sys.setns(open(sys.pidfdOpen(process.pid))));
    expect(['ENOTTY', 'EINVAL']).toContain(code);
  });

  test('all or nothing', async () => {
    await using target = await startTarget('--net', '--uts');
    const pidfd = open(sys.pidfdOpen(target.pid));
    const here = places();
    // Their user namespace is ours, and that cannot be joined.
    expect(errorOf(() => sys.setns(pidfd, ['uts', 'net', 'user']))).toMatchObject({
      code: 'EINVAL',
      type: 'user',
    });
    expect(places()).toEqual(here);
  });

  test.each([
    [undefined, 'TYPE'],
    [null, 'TYPE'],
    [17, 'TYPE'],
    [[], 'VALUE'],
    ['all', 'VALUE'],
    ['bogus', 'VALUE'],
    [['bogus'], 'VALUE'],
    [['uts', 'uts'], 'VALUE'],
  ])('unshare of %j', (wanted, kind) => {
    const error = errorOf(() => sys.unshare(wanted as 'net'));
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ code: `ERR_INVALID_ARG_${kind}` });
    if (wanted === undefined) return;
    expect(errorOf(() => sys.setns(ours('net'), wanted as 'net'))).toMatchObject({
      code: `ERR_INVALID_ARG_${kind}`,
    });
  });

  test('unshare of user: EINVAL', () => {
    const error = errorOf(() => sys.unshare(['net', 'user']));
    expect(error).toMatchObject({ code: 'EINVAL', syscall: 'unshare' });
    expect(error.message).toContain('user: cannot be created by a thread of Node');
  });

  test('without power: EPERM', () => {
    const seen = runScript(`
      import { openNamespace, setns, unshare } from 'linux-namespaces/syscalls';
      process.setgroups([]); process.setgid(65534); process.setuid(65534);
      const attempt = fn => { try { fn(); console.log('done'); } catch (error) { console.log(error.code, error.message); } };
      attempt(() => setns(openNamespace('/proc/self/ns/net'), 'net'));
      attempt(() => unshare('net'));
    `);
    expect(seen).toMatch(/^EPERM .*CAP_SYS_ADMIN.*\nEPERM .*CAP_SYS_ADMIN.*\n$/);
  });

  test('unshare where a limit is reached: ENOSPC', () => {
    const seen = runScript(
      `
      import { writeFileSync } from 'node:fs';
      import { unshare } from 'linux-namespaces/syscalls';
      writeFileSync('/proc/sys/user/max_net_namespaces', '0');
      try { unshare('net'); } catch (error) { console.log(error.code, error.message); }
      `,
      ['unshare', '--user', '--map-root-user'],
    );
    expect(seen).toMatch(/^ENOSPC .*\/proc\/sys\/user\/max_net_namespaces/);
  });
});

/** Root and cwd, as every thread of this process has them. */
function roots(): string[] {
  return readdirSync('/proc/self/task').map(id =>
    ['root', 'cwd'].map(name => readlinkSync(`/proc/self/task/${id}/${name}`)).join(' '),
  );
}

test('mnt together with another type is refused: no root and no cwd moves', async () => {
  await using target = await startTarget('--mount', '--net', '--uts');
  const pidfd = open(sys.pidfdOpen(target.pid));
  expect(process.cwd()).not.toBe('/');
  const there = roots();
  const here = places();
  for (const wanted of [
    ['mnt', 'net'],
    ['uts', 'mnt'],
    ['net', 'uts', 'mnt'],
    ['mnt', 'user'],
  ] as const) {
    const error = errorOf(() => sys.setns(pidfd, wanted));
    expect(error).toMatchObject({ code: 'EINVAL', type: 'mnt', syscall: 'setns' });
    expect(error.message).toContain('root and cwd of every thread');
    expect(places()).toEqual(here);
    expect(roots()).toEqual(there);
  }
  // By itself the kernel refuses it.
  expect(errorOf(() => sys.setns(pidfd, 'mnt'))).toMatchObject({ code: 'EINVAL', type: 'mnt' });
  expect(roots()).toEqual(there);
});

test('mnt together with another type is refused by the addon itself', async () => {
  await using target = await startTarget('--mount', '--net');
  const seen = runScript(`
    import { createRequire } from 'node:module';
    import { readlinkSync } from 'node:fs';
    import { pidfdOpen } from 'linux-namespaces/syscalls';
    const binding = createRequire(process.cwd() + '/')('node-gyp-build')(process.cwd());
    const CLONE_NEWNS = 0x20000;
    const CLONE_NEWNET = 0x40000000;
    const at = () => readlinkSync('/proc/thread-self/cwd') + readlinkSync('/proc/thread-self/ns/mnt');
    const here = at();
    console.log(binding.setns(pidfdOpen(${target.pid}), CLONE_NEWNS | CLONE_NEWNET), at() === here);
  `);
  expect(seen).toBe('-22 true\n');
});

test('a target that dies in the middle of setns moves the thread wholly or not at all', async () => {
  for (let round = 0; round < 6; round++) {
    await using target = await startTarget('--net', '--uts', '--ipc');
    const wanted = ['ipc', 'net', 'uts'] as const;
    const theirs = wanted.map(type => placeOf(target.pid, type));
    const home = wanted.map(place);
    const pidfd = open(sys.pidfdOpen(target.pid));
    const back = wanted.map(type => [type, ours(type)] as const);
    const killer = spawn('sh', ['-c', `sleep 0.00${round}; kill -9 ${target.pid}`]);
    for (let gone = false; !gone; ) {
      try {
        sys.setns(pidfd, wanted);
      } catch (error) {
        expect(error).toMatchObject({ code: 'ESRCH' });
        gone = true;
      }
      const seen = wanted.map(place);
      for (const [type, fd] of back) sys.setns(fd, type);
      expect(seen).toEqual(gone ? home : theirs);
    }
    await once(killer, 'close');
  }
});
