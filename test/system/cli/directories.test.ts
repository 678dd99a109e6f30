// Directories of `enter` that the way from inside does not lead to: closed to who has joined a user
// namespace, covered by a mount, or deleted. As nsenter, it has them before it joins anything.
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, renameSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import {
  folder,
  makeImage,
  outcome,
  probe,
  type Started,
  startTarget,
} from '../child/fixtures/targets.ts';
import { wordsOf } from '../shared/support.ts';

const main = join(import.meta.dirname, '../../../lib/cli.cjs');
const run = (file: string, ...args: string[]) => outcome(spawn(file, args, { cwd: '/usr' }));
const ours = (...args: string[]) => run(process.execPath, main, 'enter', ...args);

/** Of another user, who alone may look for what is below. */
const closed = join(folder, 'closed');
const below = join(closed, 'below');
const image = join(closed, 'image');
const covered = join(folder, 'covered');
let inClosed: Started;
let inCovered: Started;
let chrooted: Started;

beforeAll(async () => {
  mkdirSync(below, { recursive: true });
  mkdirSync(covered);
  renameSync(makeImage(), image);
  for (const directory of [below, covered]) {
    writeFileSync(join(directory, 'which'), `${directory}\n`);
  }
  inClosed = await startTarget(['user', 'net'], { before: ['env', '-C', below], keep: true });
  const cover = `cd ${covered} && mount -t tmpfs cover ${covered} && exec "$@"`;
  const before = ['sh', '-c', cover, 'sh'];
  inCovered = await startTarget(['mnt'], { before, program: [probe, 'wait'], keep: true });
  const inImage = ['nsenter', '--net=/proc/self/ns/net', `--root=${image}`, `--wd=${image}/work`];
  chrooted = await startTarget(['user', 'net'], {
    before: inImage,
    program: ['/bin/probe', 'wait'],
    keep: true,
  });
  chownSync(closed, 54321, 54321);
  chmodSync(closed, 0o700);
});

const fill = (line: string) =>
  wordsOf(line, {
    CLOSED: inClosed.pid,
    COVERED: inCovered.pid,
    CHROOTED: chrooted.pid,
    IMAGE: image,
    BELOW: below,
  });

test.each([
  ['-t CLOSED -U -w cat which', below],
  ['-t CLOSED -U --preserve-credentials -w cat which', below],
  ['--target=CLOSED --user -T --preserve-credentials -w cat which', below],
  ['-t CLOSED -U -n -S 0 -G 0 -w cat which', below],
  ['-t CLOSED -n -w cat which', below],
  ['-t CLOSED -U --wd=BELOW cat which', below],
  ['-t CLOSED -U --preserve-credentials --wd=BELOW cat which', below],
  ['-t COVERED -m -w cat which', covered],
])('enter %s', async (line, stdout) => {
  const theirs = await run('nsenter', ...fill(line));
  expect(theirs).toMatchObject({ stdout: `${stdout}\n`, stderr: '', code: 0 });
  expect(await ours(...fill(line))).toEqual(theirs);
});

test.each([
  ['-t CLOSED -U --root=IMAGE', '/'],
  ['-t CLOSED -U -n --preserve-credentials --root=IMAGE', '/'],
  ['-t CHROOTED -U -r -w', '/work'],
  ['-t CHROOTED -U -n --root=IMAGE -w', '/work'],
  ['-t CHROOTED -n -w', join(image, 'work')],
])('enter %s: a root and what is in it', async (line, cwd) => {
  const program = line.includes('-r') || line.includes('--root') ? '/bin/probe' : probe;
  const { stdout, stderr } = await ours(...fill(line), program, 'report');
  expect(stderr).toBe('');
  expect(JSON.parse(stdout).cwd).toBe(cwd);
});

test.each([
  ['-t CLOSED -n --root=IMAGE -w true', 'getcwd EXDEV'],
  ['-t CLOSED --mount=/proc/COVERED/ns/mnt -w true', 'getcwd EXDEV'],
  ['-t CLOSED -U --wd=/no/such true', 'open ENOENT'],
  ['-t CLOSED -U --wd=/etc/passwd true', 'open ENOTDIR'],
  ['-t CLOSED -U --root=/no/such true', 'chdir ENOENT'],
])('enter %s: refused', async (line, words) => {
  const { stdout, stderr, code } = await ours(...fill(line));
  expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
  expect(stderr).toMatch(/^linux-namespaces: [^\n]*\n$/);
  expect(stderr).toContain(words);
  expect(stderr).not.toContain('options');
});

test('a directory that has been deleted is one where it is ours, and refused in another root', async () => {
  const gone = join(folder, 'gone');
  mkdirSync(gone);
  const target = await startTarget(['mnt', 'net'], { before: ['env', '-C', gone] });
  // Also where it is a mount of the other mount namespace.
  execFileSync('nsenter', ['-m', '-t', `${target.pid}`, 'rmdir', gone]);
  expect(() => rmdirSync(gone)).toThrow('ENOENT');
  const words = ['-t', `${target.pid}`, '-w', 'readlink', '/proc/self/cwd'];
  expect(await ours('-n', ...words)).toMatchObject({ stdout: `${gone} (deleted)\n`, code: 0 });
  const inside = await ours('-m', ...words);
  expect(inside).toMatchObject({ stdout: '', code: 1 });
  expect(inside.stderr).toContain('getcwd ENOENT');
});
