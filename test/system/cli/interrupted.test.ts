// cp that is ended by a signal: nothing of what was not whole is left, one line says so, and the end is by
// that signal.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  constants,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { seconds } from '../../timeouts.ts';
import { folder, type Started, startTarget } from '../child/fixtures/targets.ts';

const main = join(import.meta.dirname, '../../../lib/cli.cjs');
const size = 2 ** 30;
const big = join(folder, 'big');
/** Archives leave out what is zero. */
const full = join(folder, 'full/big');
let target: Started;
let at = '';
const running: ChildProcess[] = [];

beforeAll(async () => {
  target = await startTarget(['mnt'], { keep: true });
  execFileSync('fallocate', ['-l', `${size}`, big]);
  mkdirSync(join(full, '..'));
  execFileSync('sh', ['-c', `yes | head -c ${size / 4} >"$0"`, full]);
});
beforeEach(() => {
  at = mkdtempSync(join(folder, 'to-'));
});
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
  rmSync(at, { recursive: true, force: true });
});

function start(...words: string[]) {
  const line = words.map(word => word.replace('PID', `${target.pid}`));
  const child = spawn(process.execPath, [main, 'cp', ...line]);
  running.push(child);
  const ended = Promise.all([once(child, 'close'), text(child.stderr)]).then(
    ([[code, signal], stderr]) => ({ code, signal, stderr }),
  );
  return { child, ended };
}

/** All files below `at`. */
function files(): string[] {
  const names = readdirSync(at, { recursive: true, withFileTypes: true });
  return names.filter(one => one.isFile()).map(one => join(one.parentPath, one.name));
}

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** A copy has begun: some of it has been written, and is not what was there before. */
const begun = (before: readonly string[] = []) =>
  vi.waitUntil(() => files().some(path => !before.includes(path) && sizeOf(path) > 0), {
    timeout: seconds(20),
    interval: 5,
  });

/** Where a file is copied by sharing its blocks, there is no time in which to interrupt it. */
const sharesBlocks = () => {
  try {
    copyFileSync(main, join(folder, 'shared'), constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    return false;
  }
};

test('across, and the container that it goes to ends: what cannot be taken back is said', async () => {
  const copy = async () => {
    rmSync(join(at, 'new'), { force: true });
    const other = await startTarget(['mnt']);
    const { ended } = start(`PID:${full}`, `${other.pid}:${at}/new`);
    await begun();
    other.stop();
    return ended;
  };
  let { code, stderr } = await copy();
  // On a busy machine it may have been whole before we saw that it had begun.
  for (let i = 0; code === 0 && i < 5; i++) ({ code, stderr } = await copy());
  const [left] = readdirSync(at);
  expect({ code, left }).toEqual({ code: 1, left: expect.stringMatching(/^\.[0-9a-f]{16}\.tmp$/) });
  expect(stderr).toContain('ESRCH');
  expect(stderr).toMatch(new RegExp(`; ${at}/${left} is left there\n$`));
});

describe.skipIf(sharesBlocks())('a large file', () => {
  const ways: [string, string, string][] = [
    ['out', `PID:${big}`, ''],
    ['in', big, 'PID:'],
    ['across', `PID:${full}`, 'PID:'],
  ];
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const all = ways.flatMap(way => signals.map(signal => [signal, ...way] as const));

  test.each(all)('%s, on its way %s: to a new name', async (signal, _, from, to) => {
    const { child, ended } = start(from, `${to}${at}/new`);
    await begun();
    child.kill(signal);
    const name = `${to.replace('PID', `${target.pid}`)}${at}/new`;
    const stderr = `linux-namespaces: interrupted: nothing was changed at ${name}\n`;
    expect(await ended).toEqual({ code: null, signal, stderr });
    expect(readdirSync(at)).toEqual([]);
  });

  test.each(ways)('on its way %s: what is there stays as it is', async (_, from, to) => {
    writeFileSync(join(at, 'big'), 'old');
    const { child, ended } = start(from, `${to}${at}`);
    await begun([join(at, 'big')]);
    child.kill('SIGINT');
    const { signal, stderr } = await ended;
    expect(signal).toBe('SIGINT');
    expect(stderr).toMatch(/^[^\n]* interrupted: nothing was changed at (\d+:)?\/[^\n]*\/big\n$/);
    expect(readdirSync(at)).toEqual(['big']);
    expect(readFileSync(join(at, 'big'), 'utf8')).toBe('old');
  });

  test('the second signal ends it at once', async () => {
    const { child, ended } = start(`PID:${big}`, `${at}/new`);
    await begun();
    // Both have come before anything can be done about the first one.
    child.kill('SIGSTOP');
    const isStopped = () => / T /.test(readFileSync(`/proc/${child.pid}/stat`, 'latin1'));
    await vi.waitUntil(isStopped, { timeout: seconds(20), interval: 5 });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGCONT'] as const) child.kill(signal);
    const { signal, stderr } = await ended;
    expect(['SIGINT', 'SIGTERM']).toContain(signal); // whichever comes second
    expect(stderr).toBe('');
  });

  test.each(ways)('on its way %s, by a link: it is in place, and said', async (_, from, to) => {
    const file = join(at, 'file');
    writeFileSync(file, '');
    symlinkSync('file', join(at, 'link'));
    const { child, ended } = start(from, `${to}${at}/link`);
    await begun();
    child.kill('SIGINT');
    const { signal, stderr } = await ended;
    expect(signal).toBe('SIGINT');
    expect(stderr).toMatch(/^[^\n]* \S+\/link is not whole: it is written in place\n$/);
    expect(readdirSync(at)).toEqual(['file', 'link']);
    expect(sizeOf(file)).toBeLessThan(size);
  });

  test.each([
    ['out', `PID:${folder}/tree`, '', true],
    ['in', `${folder}/tree`, 'PID:', true],
    ['across, into what is there', `PID:${folder}/tree/.`, 'PID:', true],
    ['across', `PID:${folder}/tree`, 'PID:', false],
  ])('in a tree, %s: the files that were whole stay', async (_, from, to, stay) => {
    const tree = join(folder, 'tree');
    mkdirSync(join(tree, 'below'), { recursive: true });
    try {
      writeFileSync(join(tree, 'a'), 'whole');
      if (from.startsWith('PID') && to === 'PID:') linkSync(full, join(tree, 'below/big'));
      else execFileSync('fallocate', ['-l', `${size}`, join(tree, 'below/big')]);
      if (from.endsWith('.')) mkdirSync(join(at, 'copy'));
      const { child, ended } = start(from, `${to}${at}/copy`);
      await vi.waitUntil(() => files().some(path => sizeOf(path) > 5), {
        timeout: seconds(20),
        interval: 5,
      });
      child.kill('SIGINT');
      const { signal, stderr } = await ended;
      expect(signal).toBe('SIGINT');
      expect(stderr).toMatch(
        stay
          ? /^[^\n]* what had been copied to \S+\/copy stays: no file there is half a copy\n$/
          : /^[^\n]* nothing was changed at \S+\/copy\n$/,
      );
      if (!stay) expect(readdirSync(at)).toEqual([]);
      for (const path of files()) expect([path, sizeOf(path)]).toEqual([join(at, 'copy/a'), 5]);
    } finally {
      rmSync(tree, { recursive: true });
    }
  });
});

test('an archive that comes from stdin: the file in work goes, those before it stay', async () => {
  writeFileSync(join(folder, 'small'), 'whole');
  writeFileSync(join(folder, 'part'), Buffer.alloc(8 << 20, 'x'));
  const archive = execFileSync('tar', ['-C', folder, '-c', 'small', 'part'], {
    maxBuffer: 2 ** 26,
  });
  const { child, ended } = start('-', `PID:${at}`);
  child.stdin?.on('error', () => {});
  child.stdin?.write(archive.subarray(0, 4 << 20)); // and no more comes
  await vi.waitUntil(() => files().some(path => sizeOf(path) > 5), { timeout: seconds(20) });
  child.kill('SIGTERM');
  const stderr = `linux-namespaces: interrupted: what had been copied to ${target.pid}:${at} stays: no file there is half a copy\n`;
  expect(await ended).toEqual({ code: null, signal: 'SIGTERM', stderr });
  expect(readdirSync(at)).toEqual(['small']);
});

/** cp of an archive, whose second file has been begun and waits for the rest. */
async function halfUnpacked() {
  writeFileSync(join(folder, 'part'), Buffer.alloc(8 << 20, 'x'));
  const archive = execFileSync('tar', ['-C', folder, '-c', 'part'], { maxBuffer: 2 ** 26 });
  const { child, ended } = start('-', `PID:${at}`);
  child.stdin?.on('error', () => {});
  child.stdin?.write(archive.subarray(0, 4 << 20));
  await begun();
  return { child, ended, finish: () => child.stdin?.end(archive.subarray(4 << 20)) };
}

test('SIGKILL leaves no half of a file under its name', async () => {
  const { child, ended } = await halfUnpacked();
  child.kill('SIGKILL');
  await ended;
  expect(readdirSync(at)).toEqual([expect.stringMatching(/^\.[\da-f]{16}\.tmp$/)]);
});

test('what has got the name meanwhile is replaced, or refused', async () => {
  const first = await halfUnpacked();
  writeFileSync(join(at, 'part'), 'meanwhile');
  first.finish();
  expect(await first.ended).toMatchObject({ code: 0, stderr: '' });
  expect(readdirSync(at)).toEqual(['part']);
  expect(sizeOf(join(at, 'part'))).toBe(8 << 20);
  rmSync(join(at, 'part'));

  const second = await halfUnpacked();
  mkdirSync(join(at, 'part'));
  second.finish();
  expect(await second.ended).toMatchObject({ code: 1, stderr: expect.stringMatching(/EISDIR/) });
  expect(readdirSync(at)).toEqual(['part']);
});

test('an archive that goes to stdout', async () => {
  const { child, ended } = start(`PID:${full}`, '-');
  await once(child.stdout, 'readable'); // nobody reads more
  child.kill('SIGINT');
  child.stdout.resume();
  const stderr = 'linux-namespaces: interrupted: the archive is not whole\n';
  expect(await ended).toEqual({ code: null, signal: 'SIGINT', stderr });
});

test('nohup: a copy goes on where SIGHUP is ignored', async () => {
  const child = spawn('sh', ['-c', `trap '' HUP; exec ${main} cp - ${target.pid}:${at}`], {
    env: { ...process.env, PATH: `${join(process.execPath, '..')}:${process.env.PATH}` },
  });
  running.push(child);
  const end = once(child, 'close');
  const archive = execFileSync('tar', ['-C', folder, '-c', 'small']);
  child.stdin.write(archive.subarray(0, 1024));
  await vi.waitUntil(() => files().length > 0, { timeout: seconds(20) });
  child.kill('SIGHUP');
  child.stdin.end(archive.subarray(1024));
  expect(await end).toEqual([0, null]);
  expect(readFileSync(join(at, 'small'), 'utf8')).toBe('whole');
});
