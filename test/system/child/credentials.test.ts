// Who a child is. The oracle for credentials: 'target' is a program that the target itself starts.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { evaluate, execFile, openNamespaces, spawn, type Types } from 'linux-namespaces';
import { beforeAll, describe, expect, test } from 'vitest';
import { runScript } from '../shared/support.ts';
import {
  outcome,
  probe,
  type Report,
  reportOf,
  type Started,
  startTarget,
} from './fixtures/targets.ts';

declare const fs: typeof import('node:fs');

/** What has to be the same. */
function who({ uid, gid, groups, noNewPrivs, umask, ...report }: Report) {
  const { permitted, effective, inheritable, bounding, ambient } = report;
  return {
    uid,
    gid,
    groups,
    noNewPrivs,
    umask,
    permitted,
    effective,
    inheritable,
    bounding,
    ambient,
  };
}

const engine =
  '-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service,+net_raw,+sys_chroot,+mknod,+audit_write,+setfcap';

test.each([
  ['root with the capabilities of an engine', ['--bounding-set', engine]],
  ['a user', ['--reuid', '1000', '--regid', '1001', '--groups', '5,6,1001']],
  [
    'a user without any power',
    [
      '--reuid',
      '1000',
      '--regid',
      '1001',
      '--clear-groups',
      '--bounding-set',
      '-all',
      '--no-new-privs',
    ],
  ],
  [
    'a user with ambient capabilities',
    [
      '--reuid',
      '1000',
      '--regid',
      '1000',
      '--clear-groups',
      '--inh-caps',
      '+net_raw,+kill',
      '--ambient-caps',
      '+net_raw',
      '--bounding-set',
      '-all,+net_raw,+kill',
    ],
  ],
  [
    'root with one that is inheritable and no longer in the bounding set',
    ['--inh-caps', '+net_raw', 'setpriv', '--bounding-set', '-net_raw'],
  ],
  [
    'a user with one that is ambient and no longer in the bounding set',
    [
      ...['--inh-caps', '+net_raw', 'setpriv', '--bounding-set', '-net_raw'],
      ...['setpriv', '--reuid', '1000', '--regid', '1000', '--clear-groups'],
      ...['--ambient-caps', '+net_raw'],
    ],
  ],
  [
    'several ids',
    ['--ruid', '1000', '--euid', '1001', '--rgid', '7', '--egid', '8', '--keep-groups'],
  ],
])("credentials: 'target': %s", async (_, setpriv) => {
  const before = ['setpriv', ...setpriv];
  for (const types of [
    ['mnt', 'net'],
    ['mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup'],
  ] as const) {
    const target = await startTarget(types, { before, program: [probe, 'umask'] });
    const wanted = JSON.parse(
      execFileSync('sh', ['-c', 'umask 027; exec "$@"', 'sh', ...before, probe, 'report'], {
        encoding: 'utf8',
      }),
    );
    const child = spawn(probe, ['report'], { target: target.pid, credentials: 'target' });
    expect(who(await reportOf(child))).toEqual(who(wanted));
  }
});

const without = [
  'setpriv',
  '--reuid',
  '1000',
  '--regid',
  '1001',
  '--groups',
  '5',
  '--no-new-privs',
];
const nothing = '0'.repeat(16);
const everything = /CapEff:\t(\S+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
const ofTarget = { uid: [1000, 1000, 1000], gid: [1001, 1001, 1001], groups: [5] };

describe('by default', () => {
  let target: Started;
  beforeAll(async () => {
    const before = [...without, '--bounding-set', '-all'];
    target = await startTarget(['mnt', 'net', 'uts'], { before, keep: true });
  });
  const here = { uid: [0, 0, 0], effective: everything, bounding: everything, noNewPrivs: 0 };
  const there = { ...ofTarget, effective: nothing, bounding: nothing, noNewPrivs: 1 };

  test.each<[string, () => object, object]>([
    ['with all types, mnt among them', () => ({}), there],
    ['with mnt alone', () => ({ namespaces: ['mnt'] }), there],
    ["with mnt and 'inherit'", () => ({ namespaces: ['mnt'], credentials: 'inherit' }), here],
    ["with all and 'inherit'", () => ({ credentials: 'inherit' }), here],
    ['without mnt', () => ({ namespaces: ['net'] }), here],
    ["without mnt, and 'target'", () => ({ namespaces: ['net'], credentials: 'target' }), there],
    ['with none', () => ({ namespaces: [] }), here],
    ['with mnt of paths', () => ({ target: { mnt: `/proc/${target.pid}/ns/mnt` } }), here],
    ['with mnt of a handle', () => ({ target: openNamespaces(target.pid, ['mnt']) }), here],
  ])('a child %s', async (_, options, wanted) => {
    const child = spawn(probe, ['report'], { target: target.pid, ...options() });
    expect(await reportOf(child)).toMatchObject(wanted);
  });

  test('a child with userParent: ours, as the target has none above its own user namespace', async () => {
    const nested = await startTarget(['user', 'mnt']);
    const options = { target: nested.pid, namespaces: ['mnt'], userParent: true } as const;
    expect(await reportOf(spawn(probe, ['report'], options))).toMatchObject(here);
  });

  test("a child without a target: ours, and 'inherit' says the same", async () => {
    const child = spawn(probe, ['report'], { unshare: ['mnt'], credentials: 'inherit' });
    expect(await reportOf(child)).toMatchObject(here);
  });

  test.each<[string, Types, 'target' | 'inherit' | undefined, string]>([
    ['with mnt', ['mnt'], undefined, nothing],
    ['with all', 'all', undefined, nothing],
    ['with all, inherited', 'all', 'inherit', everything],
    ['without mnt', ['net'], undefined, everything],
    ["without mnt, the target's", ['net'], 'target', nothing],
  ])('a worker %s', async (_, types, credentials, wanted) => {
    const look = () => /CapEff:\s*(\S+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))?.[1];
    expect(await evaluate(target.pid, { types, credentials }, look)).toBe(wanted);
  });
});

test.each<[string, object, object]>([
  [
    'uid: the groups are none then',
    { uid: 7 },
    { uid: [7, 7, 7], gid: [1001, 1001, 1001], groups: [] },
  ],
  ['gid', { gid: 8 }, { uid: [1000, 1000, 1000], gid: [8, 8, 8], groups: [] }],
  [
    'uid 0, as far as its bounding set goes',
    { uid: 0, noNewPrivs: false },
    { uid: [0, 0, 0], permitted: '0000000000000020' },
  ],
  ['groups', { groups: [9, 10] }, { ...ofTarget, groups: [9, 10] }],
  ['uid and groups', { uid: 7, groups: [9] }, { uid: [7, 7, 7], groups: [9] }],
  [
    'capabilities: exactly these',
    { capabilities: ['CAP_NET_RAW'] },
    { ...ofTarget, permitted: '0000000000002000', bounding: '0000000000002000' },
  ],
  ['no capabilities', { capabilities: [] }, { ...ofTarget, permitted: nothing, bounding: nothing }],
  ['noNewPrivs', { noNewPrivs: false }, { ...ofTarget, noNewPrivs: 0 }],
  ['nothing', {}, { ...ofTarget, noNewPrivs: 1, bounding: '0000000000000020' }],
])("beside credentials: 'target' its parts are replaced: %s", async (_, options, wanted) => {
  const before = [...without, '--bounding-set', '-all,+kill'];
  const target = await startTarget(['mnt'], { before });
  for (const credentials of [undefined, 'target'] as const) {
    const child = spawn(probe, ['report'], { target: target.pid, credentials, ...options });
    const report = await reportOf(child);
    expect(report).toMatchObject(wanted);
    const ours = JSON.parse(execFileSync(probe, ['report'], { encoding: 'utf8' }));
    expect(report.sessionKeyring).not.toBe(ours.sessionKeyring);
  }
});

test("credentials: 'target' in a user namespace: its numbers, all of its power, none of ours", async () => {
  const target = await startTarget(['user', 'mnt'], { uid: 65534 });
  const report = await reportOf(
    spawn(probe, ['report'], { target: target.pid, credentials: 'target' }),
  );
  expect(report).toMatchObject({ uid: [0, 0, 0], gid: [0, 0, 0], noNewPrivs: 0 });
  // Without joining its user namespace, its capabilities are none here.
  const outside = spawn(probe, ['report'], {
    target: target.pid,
    namespaces: [],
    credentials: 'target',
  });
  expect(await reportOf(outside)).toMatchObject({
    uid: [65534, 65534, 65534],
    gid: [65534, 65534, 65534],
    permitted: '0000000000000000',
    bounding: '0000000000000000',
  });
});

test("credentials: 'target' has no way back to more: not by a program that gives it", async () => {
  const target = await startTarget(['net'], { before: ['setpriv', '--bounding-set', engine] });
  const child = spawn('setpriv', ['--reuid', '0', 'sh', '-c', `exec ${probe} report`], {
    target: target.pid,
    credentials: 'target',
  });
  const { permitted } = await reportOf(child);
  expect(BigInt(`0x${permitted}`) & (1n << 21n)).toBe(0n); // CAP_SYS_ADMIN
});

test("credentials: 'target' of a root that has given up its own: not what an exec would give to a 0", async () => {
  const securebits = ['--securebits', '+noroot,+noroot_locked', '--inh-caps', '-all,+kill'];
  const target = await startTarget(['mnt'], { before: ['setpriv', ...securebits] });
  const wanted = /^CapPrm:\t(.*)$/m.exec(readFileSync(`/proc/${target.pid}/status`, 'utf8'))?.[1];
  expect(wanted).toBe(nothing); // of what its bounding set has
  const child = spawn(probe, ['report'], { target: target.pid });
  expect(await reportOf(child)).toMatchObject({
    uid: [0, 0, 0],
    permitted: wanted,
    effective: wanted,
  });
  const ofWorker = await evaluate(
    target.pid,
    ['mnt'],
    file => require('node:child_process').execFileSync(file, ['report'], { encoding: 'utf8' }),
    probe,
  );
  expect(JSON.parse(ofWorker)).toMatchObject({ permitted: wanted, effective: wanted });
});

test("credentials: 'target': a group that the target has twice does not stand for one of ours", async () => {
  const before = ['setpriv', '--reuid', '1000', '--regid', '1000', '--groups', '5,5'];
  const target = await startTarget(['mnt'], { before });
  const said = runScript(
    `import { execFileSync } from 'linux-namespaces';
    process.stdout.write(execFileSync(${JSON.stringify(probe)}, ['report'], { target: ${target.pid} }));`,
    ['setpriv', '--groups', '5,6'],
  );
  expect(new Set(JSON.parse(said).groups)).toEqual(new Set([5]));
});

test("credentials: 'target' leaves our session keyring outside", async () => {
  const target = await startTarget(['net']);
  const ours = JSON.parse(execFileSync(probe, ['report'], { encoding: 'utf8' })).sessionKeyring;
  const keyringOf = async (options: object) =>
    (await reportOf(spawn(probe, ['report'], { target: target.pid, ...options }))).sessionKeyring;
  expect(ours).toBeGreaterThan(0);
  expect(await keyringOf({})).toBe(ours);
  const own = await keyringOf({ credentials: 'target' });
  expect(own).toBeGreaterThan(0);
  expect(own).not.toBe(ours);
  expect(await keyringOf({ credentials: 'target' })).not.toBe(own);
  const report = await evaluate(
    target.pid,
    { types: ['net'], credentials: 'target' },
    file => require('node:child_process').execFileSync(file, ['report'], { encoding: 'utf8' }),
    probe,
  );
  const { sessionKeyring } = JSON.parse(report);
  expect(sessionKeyring).toBeGreaterThan(0);
  expect(sessionKeyring).not.toBe(ours);
});

test('in a joined user namespace it is root there by default; uid, gid and groups say otherwise', async () => {
  const target = await startTarget(['user', 'net'], { uid: 65534 });
  const options = { target: target.pid };
  expect(await reportOf(spawn(probe, ['report'], options))).toMatchObject({
    uid: [0, 0, 0],
    gid: [0, 0, 0],
    groups: [],
    permitted: '000001ffffffffff',
  });
  const child = spawn(probe, ['report'], { ...options, uid: 1 });
  await expect(outcome(child)).rejects.toMatchObject({
    syscall: 'setresuid',
    code: 'EINVAL',
    message: expect.stringContaining('does not exist'),
  });
});

test('a user joins a user namespace of his own without further ado', async () => {
  for (const map of ['-r', '-c']) {
    const target = await startTarget([], {
      uid: 65534,
      program: ['unshare', '-U', '-n', map, probe, 'wait'],
    });
    const script = `import { spawn } from 'linux-namespaces';
      spawn(${JSON.stringify(probe)}, ['report'], { target: ${target.pid}, namespaces: ['user', 'net'], stdio: 'inherit' })
        .on('error', error => console.log(error));`;
    const { stdout } = await outcome(
      spawn(process.execPath, ['--input-type=module', '-e', script], { uid: 65534, gid: 65534 }),
    );
    const id = map === '-r' ? 0 : 65534;
    expect(JSON.parse(stdout)).toMatchObject({ uid: [id, id, id], gid: [id, id, id] });
  }
});

test('uid, gid, groups', async () => {
  const report = await reportOf(spawn(probe, ['report'], { uid: 10, gid: 20, groups: [30, 40] }));
  expect(report).toMatchObject({ uid: [10, 10, 10], gid: [20, 20, 20], groups: [30, 40] });
});

test('capabilities: exactly these, for a user too', async () => {
  const bits = ((1n << 12n) | (1n << 13n)).toString(16).padStart(16, '0');
  for (const uid of [0, 1000]) {
    const report = await reportOf(
      spawn(probe, ['report'], { uid, capabilities: ['CAP_NET_ADMIN', 'CAP_NET_RAW'] }),
    );
    expect(report).toMatchObject({
      uid: [uid, uid, uid],
      permitted: bits,
      effective: bits,
      inheritable: bits,
      bounding: bits,
      ambient: bits,
    });
  }
  const none = await reportOf(spawn(probe, ['report'], { capabilities: [], noNewPrivs: true }));
  expect(none).toMatchObject({
    permitted: '0'.repeat(16),
    bounding: '0'.repeat(16),
    noNewPrivs: 1,
  });
});

test('wrong options are a TypeError', () => {
  const wrong: [object, RegExp][] = [
    [{ capabilities: ['NET_ADMIN'] }, /CAP_NET_ADMIN/],
    [{ capabilities: 'CAP_KILL' }, /array/],
    [{ groups: [-1] }, /ids/],
    [{ groups: Object.assign(Array(2), { 1: 5 }) }, /ids/],
    [{ noNewPrivs: 1 }, /boolean/],
    [{ credentials: 'target' }, /target/],
    [{ target: process.pid, credentials: 'ours' }, /'target' or 'inherit': it is called 'inherit'/],
    [{ target: process.pid, credentials: 'mine' }, /'target' or 'inherit'\. Received/],
    [{ target: process.pid, credentials: 'target', userParent: true }, /left out/],
    [{ target: { mnt: '/proc/self/ns/mnt' }, credentials: 'target' }, /process/],
    [{ namespaces: ['net'] }, /without a target/],
    [{ target: process.pid, namespaces: ['network'] }, /cgroup/],
    [{ unshare: 'all' }, /array/],
    [{ root: 'relative' }, /absolute/],
    [{ root: 'target' }, /absolute/],
    [{ target: { net: '/proc/self/ns/net' }, root: 'target' }, /process/],
    [{ target: { net: '/proc/self/ns/net' }, env: 'target' }, /process/],
    [{ target: process.pid, env: 'ours' }, /env/],
    [{ target: 'x' }, /target/],
  ];
  for (const [options, message] of wrong) {
    expect(() => spawn('true', options as never), JSON.stringify(options)).toThrow(message);
    expect(() => execFile('true', options as never)).toThrow(TypeError);
  }
});
