// Memory or files that are missing for a moment, or for good, wherever a start needs them: an error
// that says so, never a program that is said to have run, and nothing left behind.
import { execFileSync, spawn as nodeSpawn } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { hasProgram, runScript } from '../shared/support.ts';
import { folder, outcome, probe, startTarget } from './fixtures/targets.ts';

const starved = join(folder, 'starved');
beforeAll(() => {
  execFileSync('cc', ['-O1', '-o', starved, here('starved.c')]);
});

const here = (name: string) => new URL(`fixtures/${name}`, import.meta.url).pathname;

interface Found {
  results: { code: string | number | null; syscall?: string; name?: string }[];
  before: { fds: number; children: string };
  after: { fds: number; children: string };
}

/** What came of four starts, under another program. */
async function started(under: string[], options: object, program = probe): Promise<Found> {
  const line = [...under, process.execPath, here('failing.mjs'), program, JSON.stringify(options)];
  const [file = '', ...args] = line;
  const { stdout, stderr } = await outcome(nodeSpawn(file, args));
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

const strace = (call: string, how: string) => [
  'strace',
  '-f',
  '-qq',
  '-o',
  '/dev/null',
  '-e',
  `trace=${call}`,
  '-e',
  `inject=${call}:${how}`,
];

function expectNothingLeft({ before, after }: Found) {
  expect(after.children).toBe('');
  expect(after.fds).toBeLessThanOrEqual(before.fds);
}

describe('the launcher cannot say what has failed', () => {
  test.each([
    ['no such program', {}],
    ['no such directory', { cwd: '/nowhere' }],
    ['in a new pid namespace', { unshare: ['pid'], cwd: '/nowhere' }],
  ])('for good: %s, and it is not said to have run', { timeout: 60_000 }, async (_, options) => {
    const found = await started([starved, 'sendto'], options, '/no/such/program');
    expect(found.results).toHaveLength(4);
    for (const { code, name } of found.results) {
      expect({ code, name }).toEqual({ code: 'EPIPE', name: 'NamespaceError' });
    }
    expectNothingLeft(found);
  });

  test.skipIf(!hasProgram('strace')).each(['ENOMEM', 'EINTR', 'EAGAIN'])(
    'once, with %s: it tries again [needs strace]',
    async error => {
      // The first one is that of each process; of ours, the request's.
      const found = await started(
        strace('sendto', `error=${error}:when=1`),
        {},
        '/no/such/program',
      );
      const codes = found.results.map(({ code }) => code);
      expect(codes).toEqual([error, 'ENOENT', 'ENOENT', 'ENOENT']);
      found.before.fds++; // the launcher, which is made once, and not by the first start here
      expectNothingLeft(found);
    },
  );
});

test.skipIf(!hasProgram('strace'))(
  'a program that is killed before it runs is a killed one, and one that ran has ended well [needs strace]',
  async () => {
    const killed = await started(strace('execve', 'signal=SIGKILL'), {});
    for (const result of killed.results) expect(result).toEqual({ code: null, signal: 'SIGKILL' });
    const ran = await started(['env'], {});
    for (const result of ran.results) expect(result).toEqual({ code: 0, signal: null });
    expectNothingLeft(ran);
  },
);

describe('we cannot follow what the launcher does', () => {
  test.skipIf(!hasProgram('strace')).each([
    ['pidfd_open', 'EMFILE', { unshare: ['pid'] }],
    ['pidfd_open', 'ENOMEM', { unshare: ['pid'] }],
    ['recvmsg', 'ENOMEM', {}],
    ['recvmsg', 'EMFILE', { unshare: ['pid'] }],
    ['poll', 'ENOMEM', {}],
    ['poll', 'ENOMEM', { unshare: ['pid'] }],
  ])('%s with %s: an error, and no process left [needs strace]', async (call, code, options) => {
    const found = await started(strace(call, `error=${code}`), options);
    for (const result of found.results) expect(result).toMatchObject({ code, syscall: call });
    // The reaper's own pipe, which stays.
    if (call === 'poll') found.before.fds += 2;
    expectNothingLeft(found);
  });
});

test('whether the parent is still there cannot be read: an error, and nobody was killed for it', async () => {
  const found = await started([starved, 'pread64'], { killOnParentExit: true });
  for (const result of found.results) {
    expect(result).toMatchObject({ code: 'ENOMEM', syscall: 'read', name: 'NamespaceError' });
  }
  expectNothingLeft(found);
});

/** The children and pidfds of a Node in which starting a worker fails several times. */
const workers = `
  import fs from 'node:fs';
  import { openWorker } from 'linux-namespaces';
  const look = () => [
    fs.readdirSync('/proc/self/task').map(tid =>
      fs.readFileSync('/proc/self/task/' + tid + '/children', 'utf8')).join(''),
    fs.readdirSync('/proc/self/fd').length];
  const found = [];
  for (let i = 0; i < 4; i++) {
    const code = await openWorker({ unshare: ['pid', 'net', 'mnt'] }, 'all').then(w => w.close(), e => e.code);
    await new Promise(done => setTimeout(done, 50));
    found.push([code, ...look()]);
  }
  console.log(JSON.stringify(found));`;

test.skipIf(!hasProgram('strace')).each([
  ['pidfd_open', 'EMFILE'],
  ['recvmsg', 'ENOMEM'],
])(
  '%s with %s while a worker starts: an error, and nothing left [needs strace]',
  async (call, error) => {
    const node = [process.execPath, '--input-type=module', '-e', workers];
    const [file = '', ...args] = [...strace(call, `error=${error}`), ...node];
    const { stdout, stderr } = await outcome(nodeSpawn(file, args));
    expect(stderr).toBe('');
    const found = JSON.parse(stdout);
    for (const [code, children] of found) expect([code, children]).toEqual([error, '']);
    expect(found[3][2]).toBeLessThanOrEqual(found[0][2]);
  },
);

test.skipIf(!hasProgram('strace'))(
  'while an environment is read, waitid is interrupted: nothing is left of the reader [needs strace]',
  async () => {
    const target = await startTarget(['mnt']);
    const options = { target: target.pid, namespaces: ['mnt'], env: 'target' };
    const found = await started(strace('waitid', 'error=EINTR:when=1+2'), options);
    expectNothingLeft(found);
  },
);

test('of the size of a file (ulimit -f) less than a start needs: each says so, and runs nothing', () => {
  const script = `import { once } from 'node:events';
    import { createNamespaces, evaluate, spawn, spawnSync } from 'linux-namespaces';
    const unshare = ['uts', 'pid'];
    const said = await Promise.all([
      once(spawn('true', { unshare }), 'exit').catch(error => error),
      spawnSync('true', { unshare }).error,
      evaluate(process.pid, ['net', 'uts'], () => 1).catch(error => error),
      createNamespaces(['pid']).catch(error => error),
    ]);
    for (const { code, message } of said) console.log(code, message);`;
  const lines = runScript(script, ['prlimit', '--fsize=1000']).trimEnd().split('\n');
  expect(lines).toHaveLength(4);
  for (const line of lines) {
    expect(line).toMatch(/^EFBIG .*; the limit of the size of a file \(ulimit -f\) is too low$/);
  }
});
