/** The package as a stranger gets it: packed, unpacked somewhere else, no compiler, no install script. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { build } from 'rolldown';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(os.tmpdir(), 'linux-namespaces-packed-'));
const modules = join(folder, 'node_modules');
const installed = join(modules, 'linux-namespaces');
const binary = join('prebuilds', `linux-${process.arch}`, 'linux-namespaces.node');

beforeAll(() => {
  const options = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const [{ filename }] = JSON.parse(
    execFileSync('npm', options, {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  );
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xf', join(folder, filename), '-C', installed, '--strip-components=1']);
  symlinkSync(join(root, 'node_modules/node-gyp-build'), join(modules, 'node-gyp-build'));
  // Made for a release; until then what has been built here stands in its place.
  if (existsSync(join(installed, binary))) return;
  mkdirSync(join(installed, binary, '..'), { recursive: true });
  copyFileSync(join(root, 'build/Release/addon.node'), join(installed, binary));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs source in the folder where it is installed, with nothing but Node to be found. */
function run(source: string, ...flags: string[]) {
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, '-e', source], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: '/nonexistent' },
  });
  return { stdout, stderr };
}

const use = `
  const handle = openNamespaces(process.pid, ['net']);
  console.log(handle.inode('net') === Number(require('node:fs').readlinkSync('/proc/self/ns/net').slice(5, -1)));
  handle.close();`;

test('import finds the addon and works', () => {
  const source = `import { createRequire } from 'node:module';
    import { openNamespaces } from 'linux-namespaces';
    const require = createRequire(import.meta.url);${use}`;
  expect(run(source, '--input-type=module')).toEqual({ stdout: 'true\n', stderr: '' });
});

test('require() works, and Node has nothing to say about it', () => {
  const source = `const { openNamespaces } = require('linux-namespaces');${use}`;
  expect(run(source, '--input-type=commonjs')).toEqual({ stdout: 'true\n', stderr: '' });
});

test('the command becomes the program, by the link that npm makes', () => {
  const link = join(modules, '.bin/linux-namespaces');
  mkdirSync(join(link, '..'));
  symlinkSync('../linux-namespaces/lib/cli.cjs', link);
  chmodSync(link, 0o755);
  const env = { PATH: `${join(process.execPath, '..')}:/usr/bin:/bin` };
  const { stdout, stderr, status } = spawnSync(link, ['--version'], { encoding: 'utf8', env });
  expect({ stdout, stderr, status }).toMatchObject({ stderr: '', status: 0 });
  // What this needs no rights for: nothing is joined.
  const line = ['run', 'sh', '-c', 'readlink /proc/$$/exe; exit 3'];
  const program = spawnSync(link, line, { encoding: 'utf8', env });
  expect(program).toMatchObject({ stderr: '', status: 3 });
  expect(program.stdout).not.toContain('node');
});

test('npm compiles the command, and it works as before', () => {
  const { postinstall } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')).scripts;
  const compiled = join(installed, 'lib/compiled');
  expect(existsSync(compiled)).toBe(false);
  const env = { PATH: `${join(process.execPath, '..')}:/usr/bin:/bin` };
  const run = (file: string, ...args: string[]) => {
    const { stdout, stderr, status } = spawnSync(file, args, {
      cwd: installed,
      encoding: 'utf8',
      env,
    });
    return { stdout, stderr, status };
  };
  const before = run('lib/cli.cjs', 'ls', '--help');
  expect(run('sh', '-c', postinstall)).toEqual({ stdout: '', stderr: '', status: 0 });
  expect(existsSync(compiled)).toBe(true);
  expect(run('lib/cli.cjs', 'ls', '--help')).toEqual(before);
});

// npm does so for a folder that is installed as it is: a package that was unpacked into a repository of somebody's.
test('to prepare it again, without what it was made with, leaves it as it is', () => {
  const { prepare } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')).scripts;
  const files = readdirSync(join(installed, 'lib'));
  const { status, stderr } = spawnSync('sh', ['-c', prepare], {
    cwd: installed,
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin' },
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(readdirSync(join(installed, 'lib'))).toEqual(files);
});

test.each([
  ['ES modules', {}],
  ['CommonJS, as esbuild makes it', { 'import.meta': '{}' }],
])('in a bundle of %s, the error says that it is to be left out of that', async (_, define) => {
  const input = join(folder, 'bundled.mjs');
  writeFileSync(
    input,
    `import { openNamespaces } from 'linux-namespaces';
    try { openNamespaces(process.pid, ['net']); } catch (error) { console.log(error.message); }`,
  );
  const file = join(folder, 'bundle/index.mjs');
  const output = { file, codeSplitting: false };
  await build({ input, platform: 'node', logLevel: 'silent', transform: { define }, output });
  const { stdout, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^linux-namespaces is in a bundle, .*external: linux-namespaces/);
});

test('where there is no binary for the machine, the error says so', () => {
  const source = `import { openNamespaces } from 'linux-namespaces';
    try { openNamespaces(process.pid, ['net']); } catch (error) { console.log(error.message); }`;
  const hidden = join(folder, 'hidden.node');
  execFileSync('mv', [join(installed, binary), hidden]);
  try {
    const { stdout } = run(source, '--input-type=module');
    expect(stdout).toMatch(
      /^linux-namespaces has no addon .*npm rebuild .*No native build was found/,
    );
  } finally {
    execFileSync('mv', [hidden, join(installed, binary)]);
  }
});
