// A failure at each step of a start, made by strace: an error that names it, nothing run, nothing left.
import { execFileSync, spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from 'linux-namespaces';
import { describe, expect, test } from 'vitest';
import { hasProgram } from '../shared/support.ts';
import { folder, outcome, probe, startTarget } from './fixtures/targets.ts';

const script = new URL('fixtures/failing.mjs', import.meta.url).pathname;

async function failing(inject: string, options: object) {
  const traced = inject.split(':')[0];
  const line = ['-f', '-qq', '-o', '/dev/null', '-e', `trace=${traced}`, '-e', `inject=${inject}`];
  const child = nodeSpawn('strace', [
    ...line,
    process.execPath,
    script,
    probe,
    JSON.stringify(options),
  ]);
  const { stdout, stderr } = await outcome(child);
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

/** Threads of Node's start may end meanwhile; ours must not come. */
function expectNoMore(after: Look, before: Look) {
  expect(after.fds).toBeLessThanOrEqual(before.fds);
  expect(after.threads).toBeLessThanOrEqual(before.threads);
  expect(after.children).toBe('');
}

interface Look {
  fds: number;
  threads: number;
  children: string;
}

// Which call of its kind is meant: Node itself makes none of these, but for those with `when`.
const steps: [string, string, string, object, string?][] = [
  ['setns', 'setns', 'EPERM', { namespaces: ['net'] }],
  ['setns of the second type', 'setns', 'EINVAL', { namespaces: ['net', 'uts'] }],
  ['unshare', 'unshare', 'ENOSPC', { unshare: ['net'] }],
  ['dup3', 'dup3', 'EMFILE', {}, 'dup'],
  ['close_range', 'close_range', 'ENOSYS', {}],
  ['setsid', 'setsid', 'EPERM', { setsid: true }],
  ['fchdir', 'fchdir', 'EACCES', { root: 'target' }],
  ['chroot', 'chroot', 'EPERM', { root: '/' }],
  ['chdir', 'chdir', 'EIO', { cwd: '/tmp' }],
  ['setgroups', 'setgroups', 'EPERM', { groups: [1, 2] }],
  ['setresgid', 'setresgid', 'EPERM', { gid: 5 }],
  ['setresuid', 'setresuid', 'EAGAIN', { uid: 5 }],
  ['capset', 'capset', 'EPERM', { capabilities: ['CAP_KILL'] }],
  ['execveat', 'execveat', 'EACCES', {}],
  ['memfd_create', 'memfd_create', 'EACCES', {}],
];

describe.skipIf(!hasProgram('strace'))(
  'a step that fails is an error that names it, and leaves nothing behind [needs strace]',
  () => {
    test.each(steps)('%s', async (_, syscall, code, options, said = syscall) => {
      const wants = 'namespaces' in options || 'root' in options;
      const target = await startTarget(['net', 'uts']);
      const all = { ...(wants ? { target: target.pid, namespaces: [] } : {}), ...options };
      const { results, before, after } = await failing(`${syscall}:error=${code}`, all);
      for (const result of results) {
        expect(result).toMatchObject({ name: 'NamespaceError', code, syscall: said });
      }
      expectNoMore(after, before);
    });

    test('after the fork into a pid namespace', async () => {
      const target = await startTarget(['pid', 'net']);
      for (const unshare of [undefined, ['pid']]) {
        const options = { target: target.pid, namespaces: ['pid', 'net'], unshare, cwd: '/tmp' };
        const { results, before, after } = await failing('chdir:error=EIO', options);
        for (const result of results)
          expect(result).toMatchObject({ code: 'EIO', syscall: 'chdir' });
        expectNoMore(after, before);
      }
    });

    test('a launcher that is killed while it works: never taken for a program that ended well', async () => {
      for (const options of [{ cwd: '/tmp' }, { cwd: '/tmp', unshare: ['pid'] }]) {
        const { results, after } = await failing('chdir:signal=SIGKILL', options);
        for (const result of results) expect(result).toEqual({ code: null, signal: 'SIGKILL' });
        expect(after.children).toBe('');
      }
    });

    test('vm.memfd_noexec=2 is named', async () => {
      const { results } = await failing('memfd_create:error=EACCES', {});
      expect(results[0].message).toContain('vm.memfd_noexec');
    });
  },
);

test.skipIf(!hasProgram('strace')).each(['EMFILE', 'ENFILE'])(
  '%s at the exec: no end of a pipe is left open [needs strace]',
  async code => {
    const { results, before, after } = await failing(`execve:error=${code}`, {});
    for (const result of results) expect(result).toMatchObject({ name: 'Error', code });
    expectNoMore(after, before);
  },
);

// What we ourselves call between the clone and the end of the launch: that it fails says nothing about
// what became of the child.
test.skipIf(!hasProgram('strace')).each([
  ['poll', 'ENOMEM', undefined],
  ['poll', 'EINTR', undefined],
  ['recvmsg', 'ENOMEM', undefined],
  ['recvmsg', 'EINTR', undefined],
  ['waitid', 'EINTR', undefined],
  ['pidfd_open', 'EMFILE', ['pid']],
  ['waitid', 'EINTR', ['pid']],
  ['poll', 'ENOMEM', ['pid']],
  ['recvmsg', 'ENOMEM', ['pid']],
] as const)(
  '%s that fails with %s, unshare %j: an error or the child, and nothing left [needs strace]',
  async (call, code, unshare) => {
    // Node itself polls once at its start, before anything of ours.
    const when = call === 'poll' ? '2+5' : code === 'EINTR' ? '1+2' : '1+';
    const { results, after } = await failing(`${call}:error=${code}:when=${when}`, { unshare });
    for (const result of results) {
      if (code === 'EINTR') expect(result).toEqual({ code: 0, signal: null });
      else expect([code, 0]).toContain(result.code);
    }
    expect(after.children).toBe('');
  },
);

test('too many processes, too many files: as Node says it', async () => {
  const file = join(folder, 'limit.mjs');
  const library = new URL('../../../lib/index.js', import.meta.url).pathname;
  const user = { uid: 54321, gid: 54321 };
  for (const [module, limit, code] of [
    [library, 'nproc', 'EAGAIN'],
    [library, 'nofile', 'EMFILE'],
    ['node:child_process', 'nofile', 'EMFILE'],
  ]) {
    // One child before the limit: the first call loads what it needs, for which files are opened.
    writeFileSync(
      file,
      `import { spawn } from '${module}';
      spawn('true').on('close', () => console.log('ready'));
      process.stdin.once('data', () => {
        const child = spawn('true');
        child.on('error', e => { console.log(e.name, e.code, e.syscall); process.exit(); });
        child.on('spawn', () => { console.log('spawn'); process.exit(); });
        for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.on('error', () => {});
      });`,
    );
    // Without a file that Node, from 24 on, reads on a thread at some time.
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: '' };
    const child = nodeSpawn(process.execPath, [file], { ...user, env });
    await once(child.stdout, 'data');
    const most = limit === 'nproc' ? 1 : lowestFree(`/proc/${child.pid}/fd`);
    execFileSync('prlimit', [`--${limit}=${most}:${most}`, '--pid', `${child.pid}`], user);
    child.stdin.write('go');
    const { stdout, stderr } = await outcome(child);
    const name =
      module === library && limit === 'nproc'
        ? 'NamespaceError EAGAIN clone'
        : `Error ${code} spawn true`;
    expect({ stdout, stderr }).toEqual({ stdout: `${name}\n`, stderr: '' });
  }
});

/** RLIMIT_NOFILE is about numbers: with this one, no further file can be opened. */
function lowestFree(folder: string): number {
  const open = new Set(readdirSync(folder).map(Number));
  let fd = 0;
  while (open.has(fd)) fd++;
  return fd;
}

test('more groups than a request can hold are refused', async () => {
  const groups = Array.from({ length: 60_000 }, (_, i) => i);
  await expect(outcome(spawn('true', [], { groups }))).rejects.toMatchObject({
    code: 'E2BIG',
    message: expect.stringContaining('options.groups'),
  });
  const most = await outcome(
    spawn('grep', ['Groups', '/proc/self/status'], { groups: groups.slice(0, 30_000) }),
  );
  expect(most.stdout.trim().split(/\s+/)).toHaveLength(30_001);
});
