/** What runs out while the files of a container are worked on. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hasProgram, runScript } from '../shared/support.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(os.tmpdir(), 'linux-namespaces-'));
  chmodSync(folder, 0o777);
});
afterEach(() => rmSync(folder, { recursive: true }));

test.skipIf(!hasProgram('strace'))(
  'a stream whose write has to be made again (EAGAIN) writes all [needs strace]',
  () => {
    const path = join(folder, 'file');
    const said = runScript(
      `import { openRoot } from 'linux-namespaces';
    const stream = openRoot(process.pid).createWriteStream(${JSON.stringify(path)});
    stream.on('error', error => console.log(error.code)).on('close', () => console.log('closed'));
    stream.end('x'.repeat(100_000));`,
      [
        ...['strace', '-f', '-qq', '-o', '/dev/null', '-P', path],
        ...['-e', 'trace=write', '-e', 'inject=write:error=EAGAIN:when=1'],
      ],
    );
    expect(said).toBe('closed\n');
    expect(readFileSync(path, 'utf8')).toBe('x'.repeat(100_000));
  },
);

test('what is closed while no thread is to be had is closed when one is', async () => {
  // Of a user's processes the kernel counts the threads; root's it does not.
  const user = { uid: 54322, gid: 54322 };
  const path = join(folder, 'file');
  const library = new URL('../../../lib/index.js', import.meta.url).pathname;
  const source = `
    import fs from 'node:fs';
    import { openRoot } from '${library}';
    const isOpen = () => fs.readdirSync('/proc/self/fd').some(fd => {
      try { return fs.readlinkSync('/proc/self/fd/' + fd) === ${JSON.stringify(path)}; }
      catch { return false; }
    });
    const root = openRoot(process.pid);
    const stream = root.createWriteStream(${JSON.stringify(path)});
    stream.once('open', () => console.log('open'));
    process.stdin.once('data', async () => {
      const refused = await root.readFile('/dev/null').catch(error => error.code);
      stream.on('error', () => {}).on('close', () => {
        console.log(isOpen());
        process.exit();
      });
      stream.destroy();
      console.log(refused);
    });`;
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: '' };
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    ...user,
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
    killSignal: 'SIGKILL',
  });
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const limit = (most: string) =>
      execFileSync('prlimit', [`--nproc=${most}:`, '--pid', `${child.pid}`], user);
    expect((await lines.next()).value).toBe('open');
    limit('1');
    child.stdin.write('go');
    expect((await lines.next()).value).toBe('EAGAIN');
    limit('4096');
    expect((await lines.next()).value).toBe('false');
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit').catch(() => {});
  }
});

test('openRoot: no file is left for what it reads in /proc: its own name, and nothing stays open', () => {
  const said = runScript(
    `import { execFileSync } from 'node:child_process';
    import fs from 'node:fs';
    import { openRoot } from 'linux-namespaces';
    execFileSync('prlimit', ['--nofile=64:', '--pid', String(process.pid)]);
    openRoot(process.pid).close();
    const open = () => fs.readdirSync('/proc/self/fd').length;
    const before = open();
    const codes = new Set();
    let opened = 0;
    for (let left = 0; opened === 0; left++) {
      const used = [];
      try { for (;;) used.push(fs.openSync('/dev/null')); } catch {}
      for (let i = 0; i < left; i++) fs.closeSync(used.pop());
      try { openRoot(process.pid).close(); opened++; } catch (error) { codes.add(error.code); }
      for (const fd of used) fs.closeSync(fd);
    }
    console.log(JSON.stringify([[...codes], open() - before]));`,
  );
  expect(JSON.parse(said)).toEqual([['EMFILE'], 0]);
});
