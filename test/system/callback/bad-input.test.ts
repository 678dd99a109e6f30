/** Whatever is wrong with a call: a clear error, and nothing has changed. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  createNamespaces,
  NamespaceError,
  openNamespaces,
  outside,
  type Target,
  withNamespaces,
} from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  errorOf,
  place,
  placeOf,
  read,
  rejectionOf,
  runScript,
  start,
  startTarget,
  until,
} from '../shared/support.ts';
import { afterwards, expectUnchanged } from '../shared/unchanged.ts';

expectUnchanged();

const ran = () => expect.unreachable('the callback was run');

/** The error of a call by `target`, which has to be the same by either way. */
function refusalOf(target: unknown, types: unknown = ['net']) {
  const opening = errorOf(() => openNamespaces(target as Target, types as ['net']));
  const running = errorOf(() => withNamespaces(target as Target, types as ['net'], ran));
  expect(running).toEqual(opening);
  return running;
}

describe('a pid', () => {
  test('that does not exist', () => {
    const free = Number(read('/proc/sys/kernel/pid_max')); // one more than the highest
    const error = refusalOf(free);
    expect(error).toBeInstanceOf(NamespaceError);
    expect(error).toMatchObject({
      name: 'NamespaceError',
      code: 'ESRCH',
      errno: -3,
      syscall: 'pidfd_open',
      target: free,
    });
    expect(error.message).toContain(`pid ${free}`);
  });

  test.each([0, -1, -7, 1.5, Number.NaN, Infinity, 2 ** 22 + 1, 2 ** 31, 2 ** 32 + 1, 1e300])(
    'that cannot be one: %s',
    pid => {
      const error = refusalOf(pid);
      expect(error).toBeInstanceOf(TypeError);
      expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
      expect(error.message).toMatch(/"pid" must be an integer from 1 to 4194304/);
      expect(refusalOf({ pid }).message).toBe(error.message);
    },
  );

  test.each([['17'], [undefined], [null], [true], [17n], [Symbol('pid')], [() => 17]])(
    'that is no number: %s',
    pid => {
      expect(refusalOf(pid)).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
      expect(refusalOf(pid)).toBeInstanceOf(TypeError);
    },
  );

  test.each([[undefined], [null], [true], [17n], [{}]])('of an object, no number: %s', pid => {
    const error = refusalOf({ pid });
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    expect(error.message).toContain('"target.pid" must be a number');
  });

  test('of a zombie', async () => {
    // Whose parent has become a sleep, which waits for nobody.
    await using parent = start('sh', [
      '-c',
      '(until grep -q sleep /proc/$$/comm; do :; done) & exec sleep infinity',
    ]);
    const pid = await until('a zombie', () => {
      const child = read(`/proc/${parent.pid}/task/${parent.pid}/children`);
      return child && /\) Z /.test(read(`/proc/${child}/stat`) ?? '') && Number(child);
    });
    await afterwards(() => {
      const error = refusalOf(pid);
      expect(error).toBeInstanceOf(NamespaceError);
      expect(error).toMatchObject({ code: 'ESRCH', type: 'net', target: pid });
      expect(error.message).toContain('the process has exited');
      expect(refusalOf(pid, 'all')).toMatchObject({ code: 'ESRCH' });
    });
  });

  // In a pid namespace of one's own there are none.
  test.skipIf(read('/proc/2/comm') !== 'kthreadd')(
    'of a kernel thread [where pid 2 is one]',
    () => {
      for (const types of [['net'], ['uts', 'ipc'], 'all']) {
        const error = refusalOf(2, types);
        expect(error).toBeInstanceOf(NamespaceError);
        expect(error).toMatchObject({ code: 'EINVAL', target: 2 });
        expect(error.message).toContain('a thread of the kernel');
      }
    },
  );

  test.skipIf(canLookInto(1))('that even root may not look into [where pid 1 is one]', () => {
    const error = refusalOf(1);
    expect(error).toBeInstanceOf(NamespaceError);
    expect(error).toMatchObject({ code: 'EACCES', errno: -13, type: 'net', target: 1 });
    expect(error.message).toContain('CAP_SYS_PTRACE');
  });

  test('of a ChildProcess that has exited', async () => {
    const child = spawn('true', { stdio: 'ignore' });
    await once(child, 'exit');
    const error = refusalOf(child);
    expect(error).toMatchObject({ code: 'ESRCH', target: child.pid });
    expect(error.message).toContain('the process has exited');
  });

  test('of a ChildProcess that was killed', async () => {
    const child = spawn('sleep', ['infinity'], { stdio: 'ignore' });
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(child.exitCode).toBe(null);
    expect(refusalOf(child)).toMatchObject({ code: 'ESRCH', target: child.pid });
  });

  test('of a ChildProcess that has exited, which by now is that of somebody else', async () => {
    const child = spawn('true', { stdio: 'ignore' });
    await once(child, 'exit');
    // As if the kernel had given the number again.
    Object.defineProperty(child, 'pid', { value: process.pid });
    expect(refusalOf(child)).toMatchObject({ code: 'ESRCH' });
  });

  test('of a ChildProcess that was never started', async () => {
    const child = spawn('/no/such/program');
    await once(child, 'error');
    const error = refusalOf(child);
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    expect(error.message).toContain('"target.pid"');
  });
});

describe('a target that dies', () => {
  test('between open and entry: its namespaces live as long as the handle', async () => {
    await using target = await startTarget('--net', '--uts');
    const theirs = [placeOf(target.pid, 'net'), placeOf(target.pid, 'uts')];
    const handle = openNamespaces(target.pid, ['net', 'uts']);
    await target.kill();
    expect(read(`/proc/${target.pid}/comm`)).toBe(undefined);
    expect(handle.run(() => [place('net'), place('uts')])).toEqual(theirs);
    expect(refusalOf(target.pid)).toMatchObject({ code: 'ESRCH' });
    handle.close();
    expect(errorOf(() => handle.run(ran))).toMatchObject({ code: 'EBADF' });
  });

  test('at any moment of the call: inside, or ESRCH', async () => {
    let inside = 0;
    let refused = 0;
    for (let round = 0; round < 12; round++) {
      await using target = await startTarget('--net', '--uts');
      const theirs = [placeOf(target.pid, 'net'), placeOf(target.pid, 'uts')];
      const home = [place('net'), place('uts')];
      // Somebody else kills it, while this thread does nothing but enter.
      const killer = spawn('sh', ['-c', `sleep 0.00${round % 5}; kill -9 ${target.pid}`]);
      for (let gone = false; !gone; ) {
        try {
          const seen = withNamespaces(target.pid, ['net', 'uts'], () => [
            place('net'),
            place('uts'),
          ]);
          expect(seen).toEqual(theirs);
          inside++;
        } catch (error) {
          expect(error).toMatchObject({ code: 'ESRCH', target: target.pid });
          gone = true;
          refused++;
        }
        expect([place('net'), place('uts')]).toEqual(home);
      }
      await once(killer, 'close');
    }
    expect(refused).toBe(12);
    expect(inside).toBeGreaterThan(0);
  });
});

describe('a path', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'namespaces-'));
    writeFileSync(path.join(folder, 'file'), '');
    symlinkSync(path.join(folder, 'nowhere'), path.join(folder, 'dangling'));
    symlinkSync('loop', path.join(folder, 'loop'));
    execFileSync('mkfifo', [path.join(folder, 'fifo')]);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(['file', '.', '/dev/zero', '/dev/tty', '/proc/self/ns', '/proc/self/status'])(
    'that is no namespace: %s',
    name => {
      const net = path.resolve(folder, name);
      const error = refusalOf({ net });
      expect(error).toBeInstanceOf(NamespaceError);
      expect(error).toMatchObject({ code: 'EINVAL', type: 'net', target: net });
      expect(error.message).toContain('this file is no namespace');
    },
  );

  test.each([
    ['dangling', 'ENOENT'],
    ['missing', 'ENOENT'],
    ['file/below', 'ENOTDIR'],
    ['loop', 'ELOOP'],
    ['/proc/self/ns/nosuch', 'ENOENT'],
  ])('that leads nowhere: %s', (name, code) => {
    const net = path.resolve(folder, name);
    expect(refusalOf({ net })).toMatchObject({ code, syscall: 'open', type: 'net', target: net });
  });

  test('that is a FIFO: nothing waits for it', () => {
    const net = path.join(folder, 'fifo');
    const seen = runScript(`
      import { openNamespaces } from 'linux-namespaces';
      try { openNamespaces({ net: ${JSON.stringify(net)} }, ['net']); }
      catch (error) { console.log(error.code, error.message.includes('this file is no namespace')); }
    `);
    expect(seen).toBe('EINVAL true\n');
  });

  test.each(['', 'a\0b', '/proc/self/ns/net\0'])('that cannot be one: %j', net => {
    const error = refusalOf({ net });
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(error.message).toContain('"target.net"');
  });

  test.each([[17], [null], [true], [{}], [Buffer.from('/proc/self/ns/net')]])(
    'that is no string: %s',
    net => {
      const error = refusalOf({ net });
      expect(error).toBeInstanceOf(TypeError);
      expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    },
  );

  test('of a namespace of another type', () => {
    const error = refusalOf({ net: '/proc/self/ns/uts' });
    expect(error).toBeInstanceOf(NamespaceError);
    expect(error).toMatchObject({ code: 'EINVAL', type: 'net', target: '/proc/self/ns/uts' });
    expect(error.message).toContain('this namespace is uts, not net');
  });

  test('of which another, already opened, is good', () => {
    const paths = { net: '/proc/self/ns/net', uts: path.join(folder, 'file') };
    expect(refusalOf(paths, ['net', 'uts'])).toMatchObject({ code: 'EINVAL', type: 'uts' });
    expect(refusalOf(paths, 'all')).toMatchObject({ code: 'EINVAL', type: 'uts' });
  });

  test('for a type that was not asked for, and the other way round', () => {
    const error = refusalOf({ uts: '/proc/self/ns/uts' }, ['net']);
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(refusalOf({ nte: '/proc/self/ns/net' })).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    });
    expect(refusalOf({})).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(refusalOf([])).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  });
});

describe('types', () => {
  test.each([
    [undefined, 'TYPE'],
    [null, 'TYPE'],
    ['net', 'TYPE'],
    ['ALL', 'TYPE'],
    [{ 0: 'net', length: 1 }, 'TYPE'],
    [new Set(['net']), 'TYPE'],
    [() => ['net'], 'TYPE'],
    [[], 'VALUE'],
    [['bogus'], 'VALUE'],
    [['NET'], 'VALUE'],
    [['mount'], 'VALUE'],
    [['pid_for_children'], 'VALUE'],
    [['__proto__'], 'VALUE'],
    [['net', 'all'], 'VALUE'],
    [['net', undefined], 'VALUE'],
    [['net', 0x40000000], 'VALUE'],
    [new Array(1), 'VALUE'],
    [['net', 'uts', 'net'], 'VALUE'],
  ])('that cannot be: %j', (types, kind) => {
    for (const target of [process.pid, { net: '/proc/self/ns/net' }]) {
      const error = refusalOf(target, types === undefined ? null : types);
      expect(error).toBeInstanceOf(TypeError);
      expect(error).toMatchObject({ code: `ERR_INVALID_ARG_${kind}` });
      expect(error.message).toContain('"types" must be');
    }
  });

  test('are wrong before the target is', () => {
    expect(refusalOf(-1, []).message).toContain('"types"');
  });

  test.each([
    ['user', 'the kernel wants a process of one thread', 'spawn() or evaluate()'],
    ['time', 'the kernel wants a process of one thread', 'spawn() or evaluate()'],
    ['pid', 'it could start no further thread', 'spawn() or evaluate()'],
    ['mnt', 'it shares root and cwd with the other threads', 'openRoot()'],
  ] as const)('that no thread of Node can join: %s', (type, reason, way) => {
    for (const types of [[type], ['net', type], [type, 'uts', 'net']] as const) {
      const error = errorOf(() => withNamespaces(process.pid, types, ran));
      expect(error).toBeInstanceOf(NamespaceError);
      expect(error).toMatchObject({ code: 'ENOTSUP', type, syscall: 'setns' });
      expect(error.message).toContain(`${type}: cannot be joined by a thread of Node`);
      expect(error.message).toContain(reason);
      expect(error.message).toContain(way);
    }
    // A handle may hold one, for its inode; running in it is what cannot be.
    using handle = openNamespaces(process.pid, [type, 'net']);
    expect(errorOf(() => handle.run(ran))).toMatchObject({ code: 'ENOTSUP', type });
  });

  test('that no thread of Node can join, all of them', () => {
    const error = errorOf(() => withNamespaces(process.pid, ['user', 'net', 'pid', 'mnt'], ran));
    expect(error).toMatchObject({ code: 'ENOTSUP' });
    expect(error.message).toMatch(/^user, pid, mnt: .*spawn\(\) or evaluate\(\)/);
  });

  test("'all', with a target that differs in what a thread cannot join", async () => {
    await using target = await startTarget('--net', '--pid', '--mount');
    await afterwards(() => {
      const error = errorOf(() => withNamespaces(target.pid, 'all', ran));
      expect(error).toBeInstanceOf(NamespaceError);
      expect(error).toMatchObject({ code: 'ENOTSUP' });
      expect(error.message).toMatch(/^pid, mnt: /);
      expect(error.message).toContain('spawn() or evaluate()');
    });
  });
});

describe('a generator, of which the call would run nothing inside', () => {
  test.each<[string, () => Iterator<never> | AsyncIterator<never>]>([
    ['a generator', function* () {}],
    ['an async one', async function* () {}],
  ])('%s', async (_, fn) => {
    using mine = await createNamespaces(['net']);
    const error = errorOf(() => mine.run(fn));
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(error.message).toContain('where its values are asked for');
    expect(errorOf(() => withNamespaces(mine, ['net'], fn)).message).toBe(error.message);
    expect(errorOf(() => outside(fn)).message).toBe(error.message);
  });
});

describe('a handle', () => {
  test('that is closed', () => {
    const handle = openNamespaces(process.pid, ['net', 'uts']);
    handle.close();
    for (const use of [
      () => handle.run(ran),
      () => withNamespaces(handle, ['net'], ran),
      () => withNamespaces(handle, 'all', ran),
      () => openNamespaces(handle, ['net']),
      () => handle.fd('net'),
      () => handle.inode('net'),
      () => handle.id('net'),
      () => handle.types,
    ]) {
      const error = errorOf(use);
      expect(error).toBeInstanceOf(NamespaceError);
      expect(error).toMatchObject({ code: 'EBADF', errno: -9 });
      expect(error.message).toContain('this handle has been closed');
    }
  });

  test('closed twice closes nothing that is not its own', () => {
    const handle = openNamespaces(process.pid, ['net']);
    const fd = handle.fd('net');
    handle.close();
    using next = openNamespaces(process.pid, ['net']);
    expect(next.fd('net')).toBe(fd);
    handle.close();
    handle[Symbol.dispose]();
    expect(next.run(() => place('net'))).toBe(place('net'));
  });

  test('closed while it is in use, inside', async () => {
    const lab = await createNamespaces(['net']);
    const theirs = `net:[${lab.inode('net')}]`;
    const seen = lab.run(() => {
      lab.close();
      lab.close();
      const here = place('net');
      const home = outside(() => place('net'));
      return [here, home, place('net')];
    });
    expect(seen).toEqual([theirs, place('net'), theirs]);
    expect(errorOf(() => lab.run(ran))).toMatchObject({ code: 'EBADF' });
  });

  test('that does not hold the type', () => {
    using handle = openNamespaces(process.pid, ['net', 'uts']);
    for (const use of [
      () => handle.fd('ipc'),
      () => handle.inode('ipc'),
      () => handle.id('ipc'),
      () => handle.fd('bogus' as 'net'),
      () => withNamespaces(handle, ['ipc'], ran),
      () => withNamespaces(handle, ['net', 'ipc'], ran),
      () => openNamespaces(handle, ['net', 'ipc']),
    ]) {
      expect(errorOf(use)).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    }
  });
});

test.each([[undefined], [null], ['fn'], [{}], [17], [class {}.prototype]])(
  'fn that is no function: %s',
  fn => {
    using handle = openNamespaces(process.pid, ['net']);
    const none = fn as unknown as () => void;
    for (const use of [
      () => withNamespaces(process.pid, ['net'], none),
      () => withNamespaces(handle, 'all', none),
      () => handle.run(none),
      () => outside(none),
    ]) {
      const error = errorOf(use);
      expect(error).toBeInstanceOf(TypeError);
      expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
      expect(error.message).toContain('"fn" must be a function');
    }
  },
);

describe('createNamespaces', () => {
  test.each([
    [['uts'], { hostname: 'x'.repeat(65) }, 'VALUE', 'options.hostname'],
    [['uts'], { hostname: 'ü'.repeat(33) }, 'VALUE', 'options.hostname'],
    [['uts'], { hostname: 'a\0b' }, 'VALUE', 'options.hostname'],
    [['uts'], { hostname: 17 }, 'TYPE', 'options.hostname'],
    [['net'], { hostname: 'blue' }, 'VALUE', 'options.hostname'],
    [['net'], { loopback: 'yes' }, 'TYPE', 'options.loopback'],
    [['uts'], { loopback: true }, 'VALUE', 'options.loopback'],
    [['net'], null, 'TYPE', 'options'],
    [['net'], 17, 'TYPE', 'options'],
    [[], {}, 'VALUE', 'types'],
    [['bogus'], {}, 'VALUE', 'types'],
    [['net', 'net'], {}, 'VALUE', 'types'],
    ['all', {}, 'TYPE', 'types'],
    ['net', {}, 'TYPE', 'types'],
    [undefined, {}, 'TYPE', 'types'],
  ])('of %j with %j', async (types, options, kind, name) => {
    const error = await rejectionOf(createNamespaces(types as ['net'], options as object));
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ code: `ERR_INVALID_ARG_${kind}` });
    expect(error.message).toContain(`"${name}" must be`);
  });

  test('with the longest hostname there can be, and the shortest', async () => {
    const longest = 'ü'.repeat(32);
    using long = await createNamespaces(['uts'], { hostname: longest });
    expect(long.run(() => os.hostname())).toBe(longest);
    using short = await createNamespaces(['uts'], { hostname: '' });
    expect(short.run(() => os.hostname())).toBe('');
  });
});

function canLookInto(pid: number): boolean {
  try {
    placeOf(pid, 'net');
    return true;
  } catch {
    return false;
  }
}
