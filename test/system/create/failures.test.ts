/** What cannot be created: wrong arguments, what the kernel refuses, limits; each says what to do. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import {
  createNamespaces,
  type NamespaceType,
  openNamespaces,
  type SpawnOptions,
  spawn,
} from 'linux-namespaces';
import { beforeAll, describe, expect, test } from 'vitest';
import { noPidfdNamespaces } from '../shared/kernel.ts';
import {
  errorOf,
  fdCount,
  hasProgram,
  rejectionOf,
  runScript,
  settled,
  startTarget,
  threads,
  types,
  until,
} from '../shared/support.ts';
import { asUna } from './fixtures/users.ts';

// What is opened once and kept.
beforeAll(async () => {
  await once(spawn('true', [], { unshare: ['uts'], stdio: 'ignore' }), 'close');
  await settled();
});

const wrong: [what: string, options: object, said: string][] = [
  ['an unknown word', { idMap: 'everybody' }, 'options.idMap'],
  ['an empty list', { idMap: [] }, 'options.idMap'],
  ['no map at all', { idMap: {} }, 'options.idMap'],
  ['null', { idMap: null }, 'options.idMap'],
  ['an id that is none', { idMap: 2 ** 32 - 1 }, 'options.idMap'],
  ['half an id', { idMap: { uid: 1.5 } }, 'options.idMap.uid'],
  ['a range of none', { idMap: { inside: 0, outside: 0, length: 0 } }, 'options.idMap'],
  ['a range too long', { idMap: { inside: 1, outside: 0, length: 2 ** 32 - 1 } }, '4294967294'],
  ['a range with a name', { idMap: { inside: 0, outside: 'root', length: 1 } }, 'options.idMap'],
  [
    'ranges that overlap inside',
    { idMap: ['root', { inside: 0, outside: 1000, length: 2 }] },
    'overlap',
  ],
  [
    'ranges that overlap outside',
    {
      idMap: [
        { inside: 0, outside: 1000, length: 2 },
        { inside: 10, outside: 1001, length: 2 },
      ],
    },
    'overlap',
  ],
  [
    'too many ranges',
    {
      idMap: Array.from({ length: 341 }, (_, i) => ({ inside: 2 * i, outside: 2 * i, length: 1 })),
    },
    'at most 340 ranges',
  ],
  [
    'ranges of too many bytes',
    {
      idMap: Array.from({ length: 340 }, (_, i) => ({
        inside: 10_000 + 2 * i,
        outside: 10_000 + 2 * i,
        length: 1,
      })),
    },
    '4095 bytes',
  ],
  ['setgroups', { setgroups: true }, 'options.setgroups'],
  ['an owner without a gid', { owner: { uid: 0 } }, 'options.owner.gid'],
  ['a hostname too long', { hostname: 'x'.repeat(65) }, '64 bytes'],
  ['a domain name with a null byte', { domainname: 'a\0b' }, '64 bytes'],
  ['loopback', { loopback: 1 }, 'options.loopback'],
  ['an offset that is no number', { monotonic: Number.NaN }, 'options.monotonic'],
  ['an offset as text', { boottime: '7' }, 'options.boottime'],
  ['a propagation', { propagation: 'none' }, 'options.propagation'],
  ['a relative path for /proc', { mountProc: 'proc' }, 'options.mountProc'],
];

describe.each(wrong)('%s', (_, options, said) => {
  const message = expect.stringContaining(said);
  const wanted = { name: 'TypeError', code: expect.stringMatching(/^ERR_INVALID_ARG_/), message };

  test('is a TypeError of createNamespaces', async () => {
    expect(await rejectionOf(createNamespaces(types, { init: true, ...options }))).toMatchObject(
      wanted,
    );
  });
  test('and of spawn', () => {
    expect(errorOf(() => spawn('true', [], { unshare: [...types], ...options }))).toMatchObject(
      wanted,
    );
  });
});

const without: [option: string, value: unknown, type: NamespaceType][] = [
  ['idMap', 'root', 'user'],
  ['setgroups', 'deny', 'user'],
  ['owner', { uid: 1, gid: 1 }, 'user'],
  ['hostname', 'blue', 'uts'],
  ['domainname', 'blue', 'uts'],
  ['loopback', true, 'net'],
  ['monotonic', 1, 'time'],
  ['boottime', 1, 'time'],
  ['propagation', 'slave', 'mnt'],
  ['mountProc', true, 'mnt'],
];

test.each(without)('%s is refused without its type', async (option, value, type) => {
  const others = types.filter(other => other !== type);
  const wanted = { code: 'ERR_INVALID_ARG_VALUE', message: expect.stringContaining(`new ${type}`) };
  const options = { [option]: value };
  expect(await rejectionOf(createNamespaces(others, options))).toMatchObject(wanted);
  expect(errorOf(() => spawn('true', [], { unshare: others, ...options }))).toMatchObject(wanted);
  expect(errorOf(() => spawn('true', [], options))).toMatchObject(wanted);
});

test('a root in another mount namespace is refused, and said', async () => {
  await using other = await startTarget('--mount');
  const root = `/proc/${other.pid}/root`;
  const error = await rejectionOf(createNamespaces(['mnt'], { root }));
  expect(error).toMatchObject({
    code: 'EINVAL',
    advice: expect.stringContaining('of this mount namespace'),
  });
});

test('init, root and mountProc of createNamespaces', async () => {
  const code = 'ERR_INVALID_ARG_VALUE';
  expect(await rejectionOf(createNamespaces(['net'], { init: true }))).toMatchObject({ code });
  expect(await rejectionOf(createNamespaces(['net'], { root: '/' }))).toMatchObject({ code });
  expect(await rejectionOf(createNamespaces(['mnt'], { root: 'usr' }))).toMatchObject({ code });
  const unchanged = { root: '/usr', propagation: 'unchanged' } as const;
  expect(await rejectionOf(createNamespaces(['mnt'], unchanged))).toMatchObject({ code });
  expect(await rejectionOf(createNamespaces(['mnt', 'pid'], { mountProc: true }))).toMatchObject({
    code,
    message: expect.stringContaining('init: true'),
  });
});

/** The same failure by both ways, with nothing left behind. */
async function refused(
  unshare: NamespaceType[],
  options: Record<string, unknown>,
  wanted: Record<string, unknown>,
): Promise<void> {
  const fds = fdCount();
  expect(await rejectionOf(createNamespaces(unshare, options))).toMatchObject(wanted);
  const child = spawn('true', [], { unshare, stdio: 'ignore', ...options } as SpawnOptions);
  const [error] = await once(child, 'error');
  expect(error).toMatchObject(wanted);
  // A failure after more than 100 ms comes from a child that there has been (docs/children.md).
  const { pid } = child;
  if (pid !== undefined)
    expect(errorOf(() => process.kill(pid, 0))).toMatchObject({ code: 'ESRCH' });
  expect(threads().flatMap(tid => readFileSync(`/proc/self/task/${tid}/children`, 'utf8'))).toEqual(
    threads().map(() => ''),
  );
  await until('everything to be closed', () => fdCount() <= fds);
}

describe('what the kernel refuses', () => {
  test('clocks out of range', async () => {
    const wanted = {
      code: 'ERANGE',
      syscall: 'write',
      type: 'time',
      message: expect.stringContaining('below 0, or above 146 years'),
    };
    await refused(['time'], { monotonic: -(10 ** 9) }, wanted);
    await refused(['time', 'user'], { idMap: 'root', boottime: 10 ** 10 }, wanted);
  });

  test('a root that is none, and a /proc without a place', async () => {
    await refused(['mnt'], { root: '/nowhere' }, { code: 'ENOENT', syscall: 'mount', type: 'mnt' });
    await refused(['mnt'], { root: '/etc/passwd' }, { code: 'ENOTDIR', syscall: 'mount' });
    const already = {
      code: 'EBUSY',
      syscall: 'pivot_root',
      advice: expect.stringContaining("'/'"),
    };
    await refused(['mnt'], { root: '/proc/self/root' }, already);
    const wanted = { code: 'ENOENT', message: expect.stringContaining('options.mountProc') };
    await refused(['mnt'], { mountProc: '/nowhere' }, wanted);
  });

  test('limits, each by its name', () => {
    // In a user namespace of its own, where we may set them.
    const seen = runScript(
      `
      import { once } from 'node:events';
      import { readFileSync, writeFileSync } from 'node:fs';
      import { createNamespaces, spawn } from 'linux-namespaces';
      for (const type of ${JSON.stringify(types)}) {
        const path = '/proc/sys/user/max_' + type + '_namespaces';
        const limit = readFileSync(path, 'utf8');
        writeFileSync(path, '0');
        const first = await createNamespaces([type]).catch(error => error);
        const [second] = await once(spawn('true', [], { unshare: [type] }), 'error');
        writeFileSync(path, limit);
        for (const { code, syscall, message } of [first, second]) {
          console.log(code, syscall, type, message.includes(path + ' (0)') ? 'named' : message);
        }
      }
      `,
      ['unshare', '-r'],
    );
    const lines = types.flatMap(type => Array(2).fill(`ENOSPC unshare ${type} named`));
    expect(seen.trim().split('\n')).toEqual(lines);
  });

  test('32 levels of user namespaces', async () => {
    let handle = await createNamespaces(['user'], { idMap: 'root' });
    let deepest = 1;
    let failed: { code?: string; message?: string } = {};
    for (; deepest < 40 && failed.code === undefined; deepest++) {
      const child = handle.spawn('sleep', ['infinity'], {
        unshare: ['user'],
        idMap: 'root',
        stdio: 'ignore',
      });
      const [event] = await Promise.race([
        once(child, 'spawn').then(() => ['spawn']),
        once(child, 'error'),
      ]);
      handle.close();
      if (event !== 'spawn') {
        failed = event as never;
        break;
      }
      handle = openNamespaces(child, ['user']);
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    expect(failed).toMatchObject({ code: 'ENOSPC', syscall: 'unshare' });
    expect(failed.message).toContain('32 levels of user');
    expect(deepest).toBeGreaterThan(30);
  });
});

test('as a user: what needs root is named, what does not works', async () => {
  const lines = await asUna(`
    const attempt = (unshare, options) =>
      outcome(spawn('true', [], { unshare, ...options })).then(say, error => say({ code: error.code }));
    await attempt(['net'], {});
    await attempt(['user'], { owner: { uid: 1, gid: 1 } });
    await attempt(['user'], { idMap: 'root', setgroups: 'allow' });
    await attempt(['user', 'time'], { idMap: 'root', monotonic: 7 });
    for (const options of [{ idMap: 'root' }, { idMap: 'root', hostname: 'blue', loopback: true }]) {
      const handle = await createNamespaces(['user', 'net', 'uts'], options);
      say(await outcome(handle.spawn('sh', ['-c', 'id -u; hostname'], { stdio: ['ignore', 'pipe', 'inherit'] })));
      handle.close();
    }
    await createNamespaces(['uts', 'net']).catch(({ code, message }) => say({ code, message }));
  `);
  const seen = lines
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
  const hostname = readFileSync('/proc/sys/kernel/hostname', 'utf8');
  expect(seen).toEqual([
    expect.objectContaining({
      code: 'EPERM',
      syscall: 'unshare',
      message: expect.stringContaining(
        'CAP_SYS_ADMIN is missing: run as root, or create a user namespace, too',
      ),
    }),
    expect.objectContaining({
      code: 'EPERM',
      syscall: 'setresuid',
      message: expect.stringContaining('CAP_SETUID'),
    }),
    expect.objectContaining({
      code: 'EPERM',
      syscall: 'write',
      type: 'user',
      message: expect.stringContaining("setgroups: 'deny'"),
    }),
    { code: 0, signal: null, out: '' },
    { code: 0, signal: null, out: `0\n${hostname}` },
    { code: 0, signal: null, out: '0\nblue\n' },
    { code: 'EPERM', message: expect.stringContaining('or create a user namespace, too') },
  ]);
});

test.skipIf(!hasProgram('newuidmap'))(
  'as a user: ids that are not lent are refused by newuidmap, and named [needs newuidmap]',
  async () => {
    const lines = await asUna(`
      const idMap = { inside: 0, outside: 2_000_000, length: 10 };
      say(await outcome(spawn('true', [], { unshare: ['user'], idMap })));
      await createNamespaces(['user'], { idMap }).catch(({ code, message }) => say({ code, message }));
    `);
    const [first, second] = lines
      .trim()
      .split('\n')
      .map(line => JSON.parse(line));
    const wanted = { code: 'EPERM', message: expect.stringContaining('/etc/subuid') };
    expect(first).toMatchObject({ ...wanted, syscall: 'newuidmap', type: 'user' });
    expect(second).toMatchObject(wanted);
  },
);

test('nobody is lent ids: which file, and what does it', () => {
  const seen = runScript(`
    import { spawn } from 'linux-namespaces';
    process.setgroups([]); process.setgid(54322); process.setuid(54322);
    try { spawn('true', [], { unshare: ['user'], idMap: 'auto' }); }
    catch ({ code, target, message }) { console.log(code, target, message); }
  `);
  expect(seen).toMatch(/^ENOENT \/etc\/subuid .*no ids are lent to 54322.*usermod --add-subuids/);
});

test.skipIf(!hasProgram('setpriv'))(
  'root with CAP_SYS_ADMIN and without CAP_SYS_PTRACE creates all types [needs setpriv]',
  () => {
    const without = ['setpriv', '--bounding-set', '-sys_ptrace', '--inh-caps', '-sys_ptrace'];
    const out = runScript(
      `import { createNamespaces } from 'linux-namespaces';
      const tries = [
        [['mnt']], [['pid'], { init: ${noPidfdNamespaces !== ''} }], [['pid'], { init: true }], [['user']], [['time']],
        [['user', 'pid', 'mnt', 'time'], { init: true, idMap: 'root', mountProc: true, monotonic: 5 }],
        [['user', 'mnt'], { owner: { uid: 1000, gid: 1000 } }],
      ];
      for (const [types, options] of tries) {
        await createNamespaces(types, options).then(
          made => { made.close(); console.log('made'); },
          error => console.log(error.code, error.message));
      }`,
      without,
    );
    const lines = out.trim().split('\n');
    expect(lines.slice(0, 6)).toEqual(Array(6).fill('made'));
    // Whose owner is somebody else: for that the capability is needed.
    expect(lines[6]).toMatch(/^EACCES .*CAP_SYS_PTRACE is missing/);
    expect(lines).toHaveLength(7);
  },
);
