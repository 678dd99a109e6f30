// What npm compiles when it installs the package: taken where it fits, and never anything else for it.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hasProgram } from '../shared/support.ts';

const root = join(import.meta.dirname, '../../..');
let folder: string;
let lib: string;

/** The package without what has been compiled here. */
beforeEach(() => {
  folder = mkdtempSync(join(os.tmpdir(), 'linux-namespaces-compiled-'));
  chmodSync(folder, 0o755);
  lib = join(folder, 'lib');
  mkdirSync(lib);
  for (const file of readdirSync(join(root, 'lib')).filter(name => name.endsWith('.cjs'))) {
    cpSync(join(root, 'lib', file), join(lib, file));
  }
  for (const name of ['build', 'node_modules', 'package.json', 'prebuilds']) {
    symlinkSync(join(root, name), join(folder, name));
  }
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function node(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return { status, stdout, stderr };
}
const command = (...words: string[]) => node(join(lib, 'cli.cjs'), ...words);
const compile = () => node(join(lib, 'compile.cjs'));

const silent = { status: 0, stdout: '', stderr: '' };

/** Where that is; there is one. */
function compiled(): string {
  const names = readdirSync(join(lib, 'compiled'));
  expect(names).toHaveLength(1);
  return join(lib, 'compiled', names[0] as string);
}

test('every file of the command is, and V8 takes it', () => {
  expect(compile()).toEqual(silent);
  const files = readdirSync(lib).filter(
    name => name.endsWith('.cjs') && name !== 'cli.cjs' && name !== 'compile.cjs',
  );
  expect(readdirSync(compiled()).sort()).toEqual(files.sort());
  // In a process of its own: V8 remembers what it has compiled.
  const program = `const { readFileSync } = require('node:fs');
    const { constants, Script } = require('node:vm');
    for (const file of process.argv.slice(1)) {
      const all = readFileSync(file);
      const end = 4 + all.readUInt32LE();
      const { cachedDataRejected } = new Script(all.toString('utf8', 4, end), {
        cachedData: all.subarray(end),
        importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
      });
      if (cachedDataRejected !== false) console.log(file, cachedDataRejected);
    }`;
  expect(node('-e', program, ...files.map(file => join(compiled(), file)))).toEqual(silent);
});

test('the answers are the same', () => {
  const lines = [
    ['--help'],
    ['enter', '--help'],
    ['entr'],
    ['enter', '--nett'],
    ['ls', '--noheadings', '-o', 'NS', '-t', 'net', '-p', `${process.pid}`],
    ['js', '-p', 'import("node:os").then(os => os.EOL.length)'],
    ['find', 'nothing'],
    ['enter', '-t', '0x1', 'true'],
  ];
  const before = lines.map(line => command(...line));
  compile();
  expect(lines.map(line => command(...line))).toEqual(before);
  expect(existsSync(join(compiled(), 'cli-main.cjs'))).toBe(true);
});

test('it is what runs: the sources beside it are not looked at', () => {
  compile();
  for (const name of readdirSync(compiled())) writeFileSync(join(lib, name), 'throw 1;');
  expect(command('enter', '--help')).toMatchObject({ status: 0, stderr: '' });
  rmSync(join(lib, 'compiled'), { recursive: true });
  expect(command('enter', '--help').status).not.toBe(0);
});

test('a file that is missing, cut short, or without its source, is compiled from the source', () => {
  const expected = command('enter', '--help');
  compile();
  for (const name of ['cli-main.cjs', 'cli-help.cjs', 'cli-start.cjs']) {
    const file = join(compiled(), name);
    const whole = readFileSync(file);
    const end = 4 + whole.readUInt32LE();
    for (const size of [0, 3, 4, 100, end, end + 1, end + 100, whole.length - 8]) {
      truncateSync(file, size);
      expect(command('enter', '--help'), `${name} of ${size} bytes`).toEqual(expected);
      writeFileSync(file, whole);
    }
    const zeros = Buffer.from(whole);
    zeros.fill(0, end);
    writeFileSync(file, zeros);
    expect(command('enter', '--help'), `${name} of zeros`).toEqual(expected);
    rmSync(file);
    expect(command('enter', '--help'), `without ${name}`).toEqual(expected);
    writeFileSync(file, whole);
  }
});

test('V8 with other flags does not take it', () => {
  compile();
  const flag = ['--stack-size=900', join(lib, 'cli.cjs')];
  expect(node(...flag, 'enter', '--help')).toEqual(command('enter', '--help'));
});

test('that of another build goes; that of another Node stays', () => {
  compile();
  const [own, all] = [compiled(), join(lib, 'compiled')];
  const build = readdirSync(all)[0]?.split('-')[0];
  for (const name of ['0123456789abcdef-v1', `${build}-v1.2.3-x64-1-2`]) mkdirSync(join(all, name));
  appendFileSync(join(own, 'cli-main.cjs'), 'damaged');
  expect(compile()).toEqual(silent);
  expect(readdirSync(all).sort()).toEqual(
    [own.slice(all.length + 1), `${build}-v1.2.3-x64-1-2`].sort(),
  );
  expect(readFileSync(join(own, 'cli-main.cjs'), 'latin1')).not.toMatch(/damaged$/);
});

test('what one that was killed has begun goes, and what one is making stays', async () => {
  const killed = spawn(process.execPath, [join(lib, 'compile.cjs')]);
  const all = join(lib, 'compiled');
  while (!existsSync(join(all, `new-${killed.pid}`))) await setTimeout(1);
  killed.kill('SIGKILL');
  await once(killed, 'close');
  expect(readdirSync(all)).toEqual([`new-${killed.pid}`]);
  mkdirSync(join(all, `new-${process.pid}`));
  expect(compile()).toEqual(silent);
  expect(readdirSync(all).filter(name => name.startsWith('new-'))).toEqual([`new-${process.pid}`]);
});

test('several at once leave one behind, and the whole of it', async () => {
  compile();
  const files = readdirSync(compiled());
  for (let i = 0; i < 4; i++) {
    const some = [1, 2, 3].map(() => spawn(process.execPath, [join(lib, 'compile.cjs')]));
    const codes = await Promise.all(some.map(child => once(child, 'close')));
    expect(codes.map(([code]) => code)).toEqual([0, 0, 0]);
    expect(readdirSync(compiled())).toEqual(files);
  }
});

test.skipIf(!hasProgram('strace'))(
  'has its name when it is on the disk: V8 would crash by what a power cut leaves [needs strace]',
  () => {
    const fail = ['-f', '-qq', '-o', '/dev/null', '-e', 'inject=fsync:error=EIO'];
    const words = [...fail, process.execPath, join(lib, 'compile.cjs')];
    const { status, stdout, stderr } = spawnSync('strace', words, { encoding: 'utf8' });
    expect({ status, stdout, stderr }).toEqual(silent);
    expect(readdirSync(join(lib, 'compiled'))).toEqual([]);
  },
);

test.skipIf(process.getuid?.() !== 0)('where nothing may be written it is silent', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(lib, 'compile.cjs')], {
    uid: 65_534,
    gid: 65_534,
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(existsSync(join(lib, 'compiled'))).toBe(false);
});

test('everybody may read it', () => {
  compile();
  expect(statSync(compiled()).mode & 0o777).toBe(0o777 & ~process.umask());
});
