/** Case B9: directories that are filled as fast as they are emptied, or that never end. */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openRoot } from 'linux-namespaces';
import { describe, expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';
import { rejectionOf, until } from '../shared/support.ts';
import { end, makeFolder, makeImage, run, startContainer, unmount } from './fixtures/containers.ts';

test('B9: a directory that three processes fill: it ends before they do', {
  timeout: seconds(240),
}, async () => {
  const image = makeImage();
  const full = join(image, 'full/below');
  mkdirSync(full, { recursive: true });
  const fill = `for (let i = 0; ; i++) try {
      fs.closeSync(fs.openSync(process.argv[1] + '/' + process.pid + '-' + i, 'w'));
    } catch { fs.mkdirSync(process.argv[1], { recursive: true }); }`;
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  const fillers = [1, 2, 3].map(() => run([process.execPath, '-e', fill, full]));
  await until('them to fill it', () => readdirSync(full).length > 1000);
  for (let i = 0; i < 3; i++) {
    // It may find a moment at which all is empty.
    const error = await root.rm('/full', { recursive: true, force: true }).catch(error => error);
    if (error === undefined) continue;
    expect(error).toMatchObject({ code: 'ENOTEMPTY', syscall: 'rm' });
    expect(error.message).toMatch(/rm '\/full(\/below)?\/?'; somebody puts files into it/);
  }
  expect(fillers.map(filler => filler.exitCode)).toEqual([null, null, null]);
  await Promise.all(fillers.map(end));
  await root.rm('/full', { recursive: true, force: true });
  expect(existsSync(join(image, 'full'))).toBe(false);
});

test('a directory with more files than are taken without counting is removed whole', {
  timeout: seconds(120),
}, async () => {
  const image = makeImage();
  const many = `fs.mkdirSync(process.argv[1]);
    for (let i = 0; i < 70_000; i++) fs.closeSync(fs.openSync(process.argv[1] + '/' + i, 'w'));`;
  execFileSync(process.execPath, ['-e', many, join(image, 'many')]);
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  await root.rm('/many', { recursive: true });
  expect(readdirSync(image)).not.toContain('many');
});

test('directories, one in the other, whose paths are longer than all may be: not listed, and removed', async () => {
  const image = makeImage();
  const deep = join(image, 'deep');
  mkdirSync(deep);
  // 1,500 paths of up to 375 kB: 280 MB.
  const nest = `const name = 'd'.repeat(250);
    for (let i = 0; i < 1500; i++) { fs.mkdirSync(name); process.chdir(name); }`;
  execFileSync(process.execPath, ['-e', nest], { cwd: deep });
  const { pid } = await startContainer('chroot', image);
  using root = openRoot(pid);
  try {
    const error = await rejectionOf(root.readdir('/deep', { recursive: true }));
    expect(error).toMatchObject({ code: 'EFBIG', syscall: 'scandir', path: '/deep' });
    expect(await root.readdir('/deep')).toHaveLength(1);
  } finally {
    await root.rm('/deep', { recursive: true });
  }
});

const fuse = existsSync('/dev/fuse') ? '' : 'no /dev/fuse';

describe.skipIf(fuse)(`a directory that never ends [${fuse || 'FUSE'}]`, () => {
  test('B9: is listed and removed as far as there is a limit', {
    timeout: seconds(240),
  }, async () => {
    const image = makeImage();
    const point = join(image, 'endless');
    mkdirSync(point);
    const program = join(makeFolder(), 'endless');
    const source = new URL('../../attacks/endless.c', import.meta.url).pathname;
    execFileSync('cc', ['-O1', '-o', program, source]);
    const fd = openSync('/dev/fuse', 'r+');
    const options = 'fd=3,rootmode=40000,user_id=0,group_id=0';
    execFileSync('mount', ['-i', '-t', 'fuse', '-o', options, 'endless', point], {
      stdio: ['ignore', 'inherit', 'inherit', fd],
    });
    const server = spawn(program, ['3'], { stdio: ['ignore', 'ignore', 'inherit', fd] });
    closeSync(fd); // with its server it ends, and all who wait for it
    try {
      const { pid } = await startContainer('chroot', image);
      using root = openRoot(pid);
      expect(await rejectionOf(root.readdir('/endless'))).toMatchObject({ code: 'EFBIG' });
      const removed = await rejectionOf(root.rm('/endless/sub', { recursive: true }));
      expect(removed).toMatchObject({ code: 'ENOTEMPTY', path: '/endless/sub' });
      const signal = AbortSignal.timeout(300);
      const aborted = rejectionOf(root.rm('/endless/sub', { recursive: true, signal }));
      expect((await aborted).name).toBe('AbortError');
    } finally {
      await end(server);
      unmount(point);
    }
  });
});
