// The commands for containers: ps, their names as targets, and their files with cat and cp.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missing, startRunc } from '../../engines/index.ts';
import { folder, makeImage, outcome, startTarget } from '../child/fixtures/targets.ts';
import { until } from '../shared/support.ts';

const main = join(import.meta.dirname, '../../../lib/cli.cjs');
const run = (...args: string[]) => outcome(spawn(process.execPath, [main, ...args]));
const absent = missing('runc');

describe.skipIf(absent)(`ps [${absent || 'installed'}]`, () => {
  let runc: Awaited<ReturnType<typeof startRunc>>;
  let pid: number;
  beforeAll(async () => {
    runc = await startRunc();
    pid = await runc.start('web', { image: 'distroless' });
  });
  afterAll(() => runc?.stop());

  test('a table, JSON, and the ids alone', async () => {
    const root = ['--root', runc.machine.root];
    const table = await run('ps', ...root);
    expect(table.stdout).toMatch(
      /^ENGINE +ID +NAME +STATE +PID +STARTED +ADDRESS +PORTS +IMAGE +COMMAND\n/,
    );
    expect(table.stdout).toMatch(new RegExp(`\nrunc +web +web +running +${pid} `));
    expect((await run('ps', '-q', ...root)).stdout).toBe('web\n');
    const json = JSON.parse((await run('ps', '-J', ...root)).stdout);
    expect(json).toMatchObject([{ engine: 'runc', id: 'web', pid, state: 'running' }]);
  });
});

test('a name that no container has: said in one line', async () => {
  const { stderr, code } = await run('enter', '-t', 'no-such-container', '-a', 'true');
  expect(code).toBe(1);
  expect(stderr).toMatch(/^linux-namespaces: no container no-such-container\b.*\n$/);
});

test('cat and cp: files of a container, which no link leads out of', async () => {
  const image = makeImage();
  writeFileSync(join(image, 'etc/motd'), 'welcome\n', { mode: 0o640 });
  symlinkSync('/etc/motd', join(image, 'etc/link'));
  symlinkSync('../../../../../../etc/hostname', join(image, 'etc/out'));
  const { pid } = await startTarget(['mnt', 'pid'], { root: image });
  const place = (path: string) => `${pid}:${path}`;
  const twice = await run('cat', place('/etc/motd'), place('/etc/link'));
  expect(twice).toMatchObject({ stdout: 'welcome\nwelcome\n', stderr: '', code: 0 });
  const out = await run('cat', place('/etc/out'));
  expect(out).toMatchObject({ stdout: '', code: 1 });
  expect(out.stderr).toBe(`linux-namespaces: ${pid}:/etc/out leads to nothing\n`);

  const own = join(folder, 'copied');
  mkdirSync(own);
  expect(await run('cp', place('/etc'), own)).toMatchObject({ stdout: '', stderr: '', code: 0 });
  expect(readFileSync(join(own, 'etc/motd'), 'utf8')).toBe('welcome\n');
  writeFileSync(join(own, 'news'), 'news\n');
  expect(await run('cp', join(own, 'news'), place('/tmp'))).toMatchObject({ stderr: '', code: 0 });
  expect(readFileSync(join(image, 'tmp/news'), 'utf8')).toBe('news\n');
  await run('cp', join(own, 'news'), place('/tmp/named'));
  expect(readFileSync(join(image, 'tmp/named'), 'utf8')).toBe('news\n');
});

test('cat and cp: what is wrong, and on which side', async () => {
  const { pid } = await startTarget(['mnt', 'pid'], { root: makeImage() });
  const file = join(folder, 'a-file');
  writeFileSync(file, '');
  const lines: [string, string][] = [
    ['cp PID:/none HERE', 'PID:/none does not exist'],
    ['cp HERE/none PID:/tmp', 'HERE/none does not exist'],
    ['cp PID:/none -', 'PID:/none does not exist'],
    ['cp PID:/none PID:/tmp/x', 'PID:/none does not exist'],
    ['cp FILE PID:/none/x', 'there is no directory PID:/none'],
    ['cp PID:/bin/probe HERE/none/x', 'there is no directory HERE/none'],
    ['cp PID:/bin/probe PID:/none/x', 'there is no directory PID:/none'],
    ['cp - PID:/none', 'there is no directory PID:/none'],
    ['cp FILE PID:/bin/probe/x', 'there is no directory PID:/bin/probe'],
    ['cp PID:/etc FILE', 'FILE is no directory'],
    ['cp PID:/etc PID:/bin/probe', 'PID:/bin/probe is no directory'],
    ['cp PID:/bin PID:/bin/below', 'EINVAL: invalid argument, copy PID:/bin -> PID:/bin/below; '],
    ['cp FILE PID:/proc/x', 'EPERM: operation not permitted, cp FILE -> PID:/proc/x; '],
    ['cp FILE PID:/proc/', 'EPERM: operation not permitted, cp FILE -> PID:/proc/a-file; '],
    [
      'cp PID:/bin/probe PID:/proc/x',
      'EPERM: operation not permitted, copy PID:/bin/probe -> PID:/proc/x; ',
    ],
    ['cp PID:/bin PID:/proc', 'EPERM: operation not permitted, copy PID:/bin -> PID:/proc/bin; '],
    ['cp PID:/bin/probe/ HERE', 'PID:/bin/probe/ is no directory'],
    ['cp PID:/bin/probe/ -', 'PID:/bin/probe/ is no directory'],
    ['cp PID:/bin/probe/ PID:/tmp/x', 'PID:/bin/probe/ is no directory'],
    ['cp FILE/ PID:/tmp/x', 'FILE/ is no directory'],
    ['cat PID:/none', 'PID:/none does not exist'],
    ['cat PID:/bin/probe/', 'PID:/bin/probe/ is no directory'],
    ['cat PID:/etc', 'PID:/etc is a directory'],
    ['cat PID:/bin/probe/x', 'PID:/bin/probe/x does not exist'],
  ];
  const names = { PID: `${pid}`, FILE: file, HERE: folder };
  const filled = (text: string) => text.replace(/PID|FILE|HERE/g, name => names[name as 'PID']);
  for (const [line, words] of lines) {
    const { stderr, code } = await run(...filled(line).split(' '));
    const isWhole = !words.endsWith(' ');
    expect({ line, code, words: isWhole ? stderr.slice(0, -1) : stderr }).toEqual({
      line,
      code: 1,
      words: isWhole
        ? `linux-namespaces: ${filled(words)}`
        : expect.stringContaining(`linux-namespaces: ${filled(words)}`),
    });
  }
});

test('cat: one file that cannot be shown keeps none of the others from it, as with cat(1)', async () => {
  const image = makeImage();
  writeFileSync(join(image, 'etc/hostname'), 'image\n');
  const { pid } = await startTarget(['mnt', 'pid'], { root: image });
  const words = ['/etc/hostname', '/none', '/etc', '/etc/hostname'].map(path => `${pid}:${path}`);
  const { stdout, stderr, code } = await run('cat', ...words);
  expect({ stdout, code }).toEqual({ stdout: 'image\nimage\n', code: 1 });
  expect(stderr).toBe(
    `linux-namespaces: ${pid}:/none does not exist\nlinux-namespaces: ${pid}:/etc is a directory\n`,
  );
  const many = Array(30).fill(words[0]);
  const all = { stdout: 'image\n'.repeat(30), stderr: '', code: 0 };
  expect(await run('cat', ...many)).toMatchObject(all);
  const last = await run('cat', words[0] as string, words[1] as string);
  expect(last).toMatchObject({ stdout: 'image\n', code: 1 });
});

test.each([
  ['docker://0a1b2c3d:/etc/hostname', 'docker://0a1b2c3d'],
  ['1000:podman://0a1b2c3d:/etc/hostname', '1000:podman://0a1b2c3d'],
  ['cri-o://0a1b2c3d:/etc/a:/b', 'cri-o://0a1b2c3d'],
  ['1000:docker:web:/etc/hostname', '1000:docker:web'],
  ['shop/cart/app:/etc/hostname', 'shop/cart/app'],
  ['web://etc/hostname', 'web'],
])('of %s, %s is the container', async (word, name) => {
  for (const line of [
    ['cat', word],
    ['cp', word, '/dev/null'],
  ]) {
    const { stderr, code } = await run(...line);
    expect(code).toBe(1);
    expect(stderr).toContain(`no container ${name}, `);
  }
});

test('cp: from one container to another, as cp(1) would', async () => {
  const [one, other] = [makeImage(), makeImage()];
  writeFileSync(join(one, 'etc/motd'), 'welcome\n', { mode: 0o640 });
  symlinkSync('motd', join(one, 'etc/link'));
  writeFileSync(join(other, 'tmp/old'), 'old\n');
  const from = (await startTarget(['mnt', 'pid'], { root: one })).pid;
  const to = (await startTarget(['mnt', 'pid'], { root: other })).pid;
  const copies: [string, string, string][] = [
    ['/etc', '/tmp', 'tmp/etc/motd'],
    ['/etc', '/tmp/named', 'tmp/named/motd'],
    ['/etc/', '/tmp/slash/', 'tmp/slash/motd'],
    ['/etc/.', '/tmp/dot', 'tmp/dot/motd'],
    ['/etc/motd', '/tmp', 'tmp/motd'],
    ['/etc/motd', '/tmp/renamed', 'tmp/renamed'],
    ['/etc/motd', '/tmp/old', 'tmp/old'],
  ];
  for (const [source, destination, made] of copies) {
    const result = await run('cp', '-a', `${from}:${source}`, `${to}:${destination}`);
    expect(result, destination).toMatchObject({ stdout: '', stderr: '', code: 0 });
    expect(readFileSync(join(other, made), 'utf8'), made).toBe('welcome\n');
    expect(statSync(join(other, made)).mode & 0o777).toBe(0o640);
  }
  expect(readlinkSync(join(other, 'tmp/named/link'))).toBe('motd');
  const failed = await run('cp', `${from}:/etc/none`, `${to}:/tmp/none`);
  expect(failed).toMatchObject({ stdout: '', code: 1 });
  expect(failed.stderr).toBe(`linux-namespaces: ${from}:/etc/none does not exist\n`);
  const onto = await run('cp', `${from}:/etc`, `${to}:/tmp/old`);
  expect(onto.code).toBe(1);
  expect(readFileSync(join(other, 'tmp/old'), 'utf8')).toBe('welcome\n');
  // Nothing half-done stays.
  expect(readdirSync(join(other, 'tmp')).filter(name => name.startsWith('.'))).toEqual([]);
});

test('cp: what is in a directory, to a new one: it has the mode, owner and times of that', async () => {
  const [one, other] = [makeImage(), makeImage()];
  const secret = join(one, 'srv/secret');
  mkdirSync(secret, { recursive: true });
  writeFileSync(join(secret, 'key'), 'x');
  chownSync(secret, 7, 8);
  chmodSync(secret, 0o2750);
  utimesSync(secret, 1e9, 1e9);
  const from = (await startTarget(['mnt', 'pid'], { root: one })).pid;
  const to = (await startTarget(['mnt', 'pid'], { root: other })).pid;
  for (const [option, mode, uid] of [
    ['-a', 0o2750, 7],
    ['-q', 0o750, 0],
  ] as const) {
    for (const [i, end] of ['/.', '/../secret/.', '/below/..'].entries()) {
      mkdirSync(join(secret, 'below'), { recursive: true });
      utimesSync(secret, 1e9, 1e9);
      const path = `tmp/new${option}${i}`;
      const result = await run('cp', option, `${from}:/srv/secret${end}`, `${to}:/${path}`);
      expect(result).toMatchObject({ stderr: '', code: 0 });
      const made = statSync(join(other, path));
      expect([made.mode & 0o7777, made.uid, made.mtimeMs], end).toEqual([mode, uid, 1e12]);
      expect(readdirSync(join(other, path)).sort()).toEqual(['below', 'key']);
    }
  }
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  'cp ended by %s: nothing half-done stays',
  async name => {
    const image = makeImage();
    const { pid } = await startTarget(['mnt', 'pid'], { root: image });
    const header = Buffer.alloc(512);
    header.write('large\0', 0);
    header.write('0000644\0', 100);
    header.write('00100000000\0', 124); // 16 MiB, in octal
    header.write('        0', 148);
    const sum = header.reduce((all, byte) => all + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    const copy = spawn(process.execPath, [main, 'cp', '-', `${pid}:/tmp`]);
    const ended = once(copy, 'exit');
    copy.stdin.on('error', () => {}); // it is gone
    copy.stdin.write(Buffer.concat([header, Buffer.alloc(2 << 20)])); // and no more comes
    await until('a part of it', () => readdirSync(join(image, 'tmp')).length > 0);
    copy.kill(name);
    expect(await ended).toEqual([null, name]);
    expect(readdirSync(join(image, 'tmp'))).toEqual([]);
  },
);

test('cp -: a directory as stdin is no empty archive', async () => {
  const from = openSync(folder, 'r');
  try {
    const copy = spawn(process.execPath, [main, 'cp', '-', `${process.pid}:/tmp`], {
      stdio: [from, 'pipe', 'pipe'],
    });
    expect(await outcome(copy)).toEqual({
      stdout: '',
      stderr: 'linux-namespaces: stdin is a directory, and no archive\n',
      code: 1,
      signal: null,
    });
  } finally {
    closeSync(from);
  }
});

test.each([
  ['cat', 'which file?'],
  ['cat web:etc/motd', 'paths inside are absolute: web:/etc/motd'],
  ['cp web:etc /tmp', 'paths inside are absolute: web:/etc'],
  ['cp -n 1:/a 2:/b', 'between containers'],
  ['cat /etc/motd', 'in which container? NAME:/path or PID:/path, not /etc/motd'],
  ['cp /a /b', 'one of the two is in a container'],
  ['cp 1:/a', 'from where to where?'],
  ['ps no-such-container', 'no container no-such-container'],
])('refused in one line: %s', async (line, message) => {
  const { stdout, stderr, code } = await run(...line.split(' '));
  expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
  expect(stderr).toMatch(/^linux-namespaces: .*\n$/);
  expect(stderr).toContain(message);
});
