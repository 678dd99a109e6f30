// Functions of node:child_process that somebody has replaced before us: the program runs where it was told
// to, or nothing runs. Each case is a Node of its own, for spawn, execFile, exec and fork.

import cp, { execFile } from 'node:child_process';
import channel from 'node:diagnostics_channel';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import vm from 'node:vm';
import { spawn } from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-replaced-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const module = join(folder, 'module.mjs');

beforeAll(() => {
  writeFileSync(
    module,
    `import fs from 'node:fs'; fs.appendFileSync(process.env.OUT ?? process.argv[2], fs.readlinkSync('/proc/self/ns/net') + '\\n'); process.disconnect();`,
  );
});

const prelude = `
import cp from 'node:child_process';
import dc from 'node:diagnostics_channel';
import fs from 'node:fs';
import { EventEmitter, once } from 'node:events';
import { syncBuiltinESMExports } from 'node:module';
const [out, name, module] = process.argv.slice(1);
const real = { spawn: cp.spawn, execFile: cp.execFile, exec: cp.exec, fork: cp.fork };
const prototypeSpawn = cp.ChildProcess.prototype.spawn;
const ours = fs.readlinkSync('/proc/self/ns/net');
/** All that was started, by whomever. */
const children = [];
const follow = child => {
  if (!(child instanceof cp.ChildProcess)) return child;
  children.push(new Promise(done => { child.on('close', done); child.on('error', done); }));
  return child;
};
const isOptions = value => typeof value === 'object' && value !== null && !Array.isArray(value);
/** Replaces the functions by what calls them with other options. */
const change = changed => replace((call, args) => call(...args.map(arg => isOptions(arg) ? changed(arg) : arg)));
const replace = by => {
  for (const key of Object.keys(real)) {
    cp[key] = (...args) => follow(by((...all) => follow(real[key](...all)), args, key));
  }
  syncBuiltinESMExports();
};
process.on('uncaughtException', error => {
  if (!/spawn .*ENOTDIR/.test(error.message)) { console.log('uncaught', error); process.exit(1); }
});
`;

const epilogue = `
const library = await import('linux-namespaces');
const script = 'readlink /proc/self/ns/net >> ' + out;
const options = { ...globalThis.extra, unshare: ['net'], env: globalThis.given ?? { PATH: process.env.PATH, OUT: out } };
const calls = {
  spawn: () => library.spawn('sh', ['-c', script], options),
  execFile: () => library.execFile('sh', ['-c', script], options),
  exec: () => library.exec(script, options),
  fork: () => library.fork(module, [out], { ...options, execArgv: [] }),
};
try {
  follow(calls[name]());
} catch (error) {
  console.log('thrown', error.code);
}
await new Promise(setImmediate);
await Promise.all(children);
await new Promise(setImmediate);
await Promise.all(children);
if (cp.ChildProcess.prototype.spawn !== (globalThis.wrapped ?? prototypeSpawn)) console.log('left behind');
if (Object.hasOwn(cp.ChildProcess.prototype, 'spawnfile')) console.log('left behind');
process.exit();
`;

const functions = ['spawn', 'execFile', 'exec', 'fork'] as const;

async function run(source: string, name: string): Promise<{ said: string; places: string[] }> {
  const out = join(folder, 'out');
  writeFileSync(out, '');
  const args = ['--input-type=module', '-e', prelude + source + epilogue, out, name, module];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const places = readFileSync(out, 'utf8').split('\n').filter(Boolean);
  return { said: stdout.trim(), places };
}

const own = readlinkSync('/proc/self/ns/net');

describe.each(functions)('%s', name => {
  test.each([
    ['by nothing', ''],
    ['with an environment of its own', `change(o => ({ ...o, env: { PATH: process.env.PATH } }));`],
    ['with more in the environment', `change(o => ({ ...o, env: { ...o.env, MORE: '1' } }));`],
    [
      'with the environment in another order',
      `change(o => ({ ...o, env: Object.fromEntries(Object.entries(o.env).reverse()) }));`,
    ],
    ['with no environment', `change(({ env, ...o }) => o);`],
    ['with an own null as environment', `change(o => ({ ...o, env: null }));`],
    ['with an environment that is a Proxy', `change(o => ({ ...o, env: new Proxy(o.env, {}) }));`],
    [
      'and the environment given is a Proxy',
      `globalThis.given = new Proxy({ PATH: process.env.PATH, OUT: out }, {});`,
    ],
    ['with options without a prototype', `change(o => Object.assign(Object.create(null), o));`],
    [
      'and starts something else afterwards',
      `replace((call, args) => { const child = call(...args); follow(real.spawn('true')); return child; });`,
    ],
    [
      'at ChildProcess.prototype.spawn',
      `cp.ChildProcess.prototype.spawn = globalThis.wrapped = function (options) {
        options.envPairs.push('MORE=1'); return prototypeSpawn.call(this, options); };`,
    ],
    ['and Object.prototype has envPairs', `Object.prototype.envPairs = ['LD_PRELOAD=/x'];`],
    [
      'and a listener of the channel starts something first',
      `let first = true; dc.subscribe('child_process', () => {
        if (!first) return; first = false; follow(real.spawn('true')); });`,
    ],
  ])('replaced %s: runs inside', async (_, source) => {
    const { said, places } = await run(source, name);
    expect(said).toBe('');
    expect(places).toHaveLength(1);
    expect(places).not.toContain(own);
  });

  test.each([
    [
      'with options of its own',
      `replace((call, args) => call(...args.map(arg => isOptions(arg) ? { stdio: 'pipe', env: arg.env, ...(arg.execArgv && { execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] }) } : arg)));`,
    ],
    ['with its own working directory', `change(o => ({ ...o, cwd: '/' }));`],
    [
      'without the uid',
      `globalThis.extra = { uid: 1000, gid: 1000 }; change(({ uid, ...o }) => o);`,
    ],
    [
      'by two calls',
      `replace((call, args) => { call(...args).on('error', () => {}); return call(...args); });`,
    ],
    [
      'by a call later',
      `replace((call, args) => { setImmediate(() => call(...args)); return new EventEmitter(); });`,
    ],
    [
      'by a call later with an environment of its own',
      `replace((call, args) => {
        const changed = args.map(arg => isOptions(arg) ? { ...arg, env: { PATH: process.env.PATH, OUT: out } } : arg);
        setImmediate(() => call(...changed)); return new EventEmitter(); });`,
    ],
    ['by nothing at all', `replace(() => new EventEmitter());`],
    [
      'and starts something else first',
      `replace((call, args) => { follow(real.spawn('true')); return call(...args); });`,
    ],
    [
      'and gets around ChildProcess.prototype.spawn',
      `replace((call, args) => { const child = new cp.ChildProcess(); const { cwd, env } = args.find(isOptions);
        prototypeSpawn.call(child, { file: 'sh', args: ['sh', '-c', 'readlink /proc/self/ns/net >> ' + out],
          envPairs: ['PATH=' + process.env.PATH], cwd, stdio: 'ignore' }); return child; });`,
    ],
  ])('replaced %s: nothing runs, and that is said', async (_, source) => {
    const { said, places } = await run(source, name);
    expect(said).toMatch(/^thrown (ERR_INVALID_STATE|ENOTDIR)$/);
    expect(places.filter(place => place === own)).toEqual([]);
  });
});

test('nothing of ours is in the environment that somebody hands on', async () => {
  const source = `replace((call, args) => {
      const child = call(...args);
      const { env, cwd } = args.find(isOptions);
      console.log(cp.execFileSync('env', { env, encoding: 'utf8' }).trim());
      return child; });
    globalThis.given = { ONLY: 'this', PATH: process.env.PATH };`;
  const { said } = await run(source, 'spawn');
  expect(said.split('\n').sort()).toEqual(['ONLY=this', `PATH=${process.env['PATH']}`]);
});

test('an environment that is a Proxy is read as Node reads it', async () => {
  const { said } = await run(
    `const env = new Proxy({ A: '1' }, { ownKeys: () => ['A', 'B'], get: (_, key) => 'x' + String(key),
      getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: 1 }) });
     const read = async ({ execFile }) => (await new Promise(r => execFile('/usr/bin/env', { env }, (e, o) => r(o)))).split('\\n').sort().join();
     const { promisify } = await import('node:util');
     console.log(await read(cp) === await read(await import('linux-namespaces')));`,
    'spawn',
  );
  expect(said).toBe('true');
});

test('a call that node:vm stops in the middle leaves nothing of ours in the place of Node’s', async () => {
  const before = cp.ChildProcess.prototype;
  const spawns = Object.getOwnPropertyDescriptor(before, 'spawn');
  const replacement = vi.spyOn(cp, 'spawn').mockImplementation(() => {
    for (;;);
  });
  const noSubscriber = () => {};
  channel.subscribe('child_process', noSubscriber);
  try {
    const call = () => vm.runInNewContext('spawn("true")', { spawn }, { timeout: 50 });
    expect(call).toThrow(expect.objectContaining({ code: 'ERR_SCRIPT_EXECUTION_TIMEOUT' }));
  } finally {
    channel.unsubscribe('child_process', noSubscriber);
    replacement.mockRestore();
  }
  await Promise.resolve();
  expect(Object.getOwnPropertyDescriptor(before, 'spawn')).toEqual(spawns);
  expect(Object.hasOwn(before, 'spawnfile')).toBe(false);
  expect(await once(cp.spawn('true'), 'exit')).toEqual([0, null]);
});
