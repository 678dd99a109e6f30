/**
 * npm run test:runtimes: every function of the library in Bun and in Deno, and in Node beside them. Each
 * is right, or refused in the words of src/base/runtime.ts; none crashes, and none runs in the wrong place.
 * The runtimes come from npm and are kept for the next time. As root.
 *
 *     npm run test:runtimes [-- --cached]    only those that are here already, without Node
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { claimCache } from './cache.mjs';

const cpu = { x64: ['x64', 'x64-glibc'], arm64: ['aarch64', 'arm64-glibc'] }[process.arch];
const packages = {
  bun: { name: `@oven/bun-linux-${cpu[0]}`, program: 'bin/bun', run: [] },
  deno: {
    name: `@deno/linux-${cpu[1]}`,
    program: 'deno',
    // It would take compiled code of an earlier lib in the same place for that of this one.
    run: ['run', '--allow-all', '--no-code-cache'],
  },
};

/** Its program, from a package that is nothing but that and has no install script. */
function find(runtime, cache) {
  const { name, program } = packages[runtime];
  const path = join(cache, runtime, 'node_modules', name, program);
  return existsSync(path) ? path : undefined;
}

function fetch(runtime, cache) {
  const folder = join(cache, runtime);
  console.log(`Fetching ${runtime}`);
  mkdirSync(folder, { recursive: true });
  const options = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--prefix', folder];
  execFileSync('npm', ['install', ...options, packages[runtime].name], { stdio: 'inherit' });
  const path = find(runtime, cache);
  if (path === undefined) throw new Error(`${readdirSync(folder)} has no ${runtime}`);
  return path;
}

const script = fileURLToPath(new URL('export.mjs', import.meta.url));
const command = fileURLToPath(new URL('../lib/cli.cjs', import.meta.url));
const here = `${process.pid}`;
const commands = {
  'the command': ['--version'],
  'the command: enter': ['enter', '-t', here, '-n', 'true'],
  'the command: run': ['run', '-n', 'true'],
  'the command: ps': ['ps'],
  'the command: ls': ['ls'],
  'the command: tree': ['tree', here],
  'the command: ports': ['ports', here],
  'the command: cat': ['cat', `${here}:/proc/version`],
  'the command: js': ['js', '-t', here, '-p', '1', '--types', 'net'],
};

/** What every function says in a runtime, by name. */
function tryAll(program, flags = []) {
  const run = args => {
    const { status, signal, stdout, stderr } = spawnSync(program, [...flags, ...args], {
      encoding: 'utf8',
      timeout: 60_000,
      killSignal: 'SIGKILL',
      cwd: '/',
    });
    return { status, ended: signal ?? status, out: stdout.trim(), err: stderr.trim() };
  };
  const says = {};
  const { out, err } = run([script]);
  if (out === '') throw new Error(err);
  for (const name of JSON.parse(out)) {
    const { status, ended, out, err } = run([script, name]);
    says[name] = status === 0 && out !== '' ? out : `CRASH (${ended}): ${err.slice(0, 200)}`;
  }
  for (const [name, words] of Object.entries(commands)) {
    const { status, ended, err } = run([command, ...words]);
    const refused = status === 1 && err.startsWith('linux-namespaces: ') && !err.includes('\n');
    says[name] = status === 0 ? 'right' : refused ? `refused: ${err}` : `CRASH (${ended}): ${err}`;
  }
  return says;
}

/** In the one way: which runtime, which version, and what to do. */
const refusal =
  /^refused: (linux-namespaces: )?linux-namespaces needs Node; this is (Bun|Deno) \d[\w.-]*: run it with Node 20\.19 or newer$/;

const cache = claimCache('runtimes');
const isQuick = process.argv.includes('--cached');
const tables = isQuick ? {} : { node: tryAll(process.execPath) };
for (const [runtime, { run }] of Object.entries(packages)) {
  const program = find(runtime, cache) ?? (isQuick ? undefined : fetch(runtime, cache));
  if (program !== undefined) tables[runtime] = tryAll(program, run);
}
const rows = {};
for (const [runtime, says] of Object.entries(tables)) {
  for (const [name, said] of Object.entries(says)) {
    const isGood = said === 'right' || (runtime !== 'node' && refusal.test(said));
    if (!isGood) process.exitCode = 1;
    rows[name] ??= {};
    rows[name][runtime] = said === 'right' ? said : isGood ? 'refused by name' : said.slice(0, 120);
  }
}
if (Object.keys(tables).length === 0) console.log('none');
else console.table(rows);
