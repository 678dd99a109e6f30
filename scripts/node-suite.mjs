/**
 * npm run test:node-suite -- [--tests DIR] [--modes plain,target] [--only NAME] [20 22 24 26]: Node's own
 * test-child-process-* with our functions in the place of node:child_process's, on each Node (default: this one).
 *
 * DIR is the `test` folder of Node's sources. Without it, it comes from Debian's source package of nodejs, where apt
 * has a deb-src line. A test that fails is run once more without us: what fails then too is not ours. Exit code 1
 * where anything differs that node-suite/differences.mjs does not name. Needs root and a build; a minute a mode.
 *
 * All of it runs in a pid namespace of its own: some tests kill what a child says is its pid, and with a pid
 * namespace more that is the pid of somebody else here.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { claimCache } from './cache.mjs';
import { differences } from './node-suite/differences.mjs';
import { fetchNode } from './nodes-fetch.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const library = pathToFileURL(join(root, 'lib/index.js')).href;
const preload = pathToFileURL(join(root, 'scripts/node-suite/replace.mjs')).href;
const { values, positionals } = parseArgs({
  options: {
    tests: { type: 'string' },
    modes: { type: 'string', default: 'plain,target,unshare,pid,pidns' },
    only: { type: 'string', default: '' },
    seconds: { type: 'string', default: '120' },
  },
  allowPositionals: true,
});

const types = ['net', 'uts', 'ipc'];
const { spawn: spawnInside } = await import(library);
const targets = [];

if (process.pid !== 1) {
  const child = spawnInside(process.execPath, process.argv.slice(1), {
    unshare: ['pid', 'mnt'],
    mountProc: true,
    stdio: 'inherit',
    killOnParentExit: true,
  });
  const [code] = await once(child, 'exit');
  process.exit(code ?? 1);
}
// What has a small number is inside then, and never here.
writeFileSync('/proc/sys/kernel/ns_last_pid', '10000');

/** A process in namespaces of its own, for children to join. */
async function target(unshare) {
  const child = spawnInside('sleep', ['infinity'], {
    unshare,
    loopback: true,
    stdio: 'ignore',
  });
  targets.push(child);
  return child.pid;
}

const modes = {
  plain: async () => ({}),
  target: async () => ({ target: await target(types), namespaces: types }),
  unshare: async () => ({ unshare: types, loopback: true }),
  pid: async () => ({ unshare: ['pid', ...types], loopback: true }),
  pidns: async () => ({ target: await target(['pid', ...types]), namespaces: ['pid', ...types] }),
};

/** The folder `test` of Node's sources. */
function findTests() {
  if (values.tests !== undefined) return resolve(values.tests);
  const cache = claimCache('node-suite');
  const unpacked = () =>
    readdirSync(cache)
      .map(name => join(cache, name, 'test'))
      .find(existsSync);
  if (unpacked() === undefined) {
    try {
      execFileSync('apt-get', ['source', '--download-only', 'nodejs'], {
        cwd: cache,
        stdio: 'inherit',
      });
    } catch {
      throw new Error(
        'no source package of nodejs (apt needs a deb-src line): name a folder, --tests DIR',
      );
    }
    const archive = readdirSync(cache).find(name => /^nodejs_.*\.orig\.tar\.xz$/.test(name));
    execFileSync('tar', ['xf', archive, '--wildcards', '*/test/*'], { cwd: cache });
  }
  return unpacked();
}

function testsIn(folder) {
  return ['parallel', 'sequential'].flatMap(part =>
    readdirSync(join(folder, part))
      .filter(name => /^test-child-process-.*\.m?js$/.test(name) && name.includes(values.only))
      .map(name => join(folder, part, name)),
  );
}

/** 'pass', 'skip', or what it has said. */
async function run(node, file, options) {
  const flags = /^\/\/ Flags: (.*)$/m.exec(readFileSync(file, 'utf8'))?.[1].split(/\s+/) ?? [];
  const ours = options && {
    NODE_SUITE_OPTIONS: JSON.stringify(options),
    NODE_SUITE_LIBRARY: library,
  };
  const args = [...(options ? ['--import', preload] : []), ...flags.filter(Boolean), file];
  const child = spawn(node, args, {
    cwd: dirname(dirname(dirname(file))),
    // The tests may be of an older Node than this is, which has more globals.
    env: {
      ...process.env,
      ...ours,
      NODE_TEST_KNOWN_GLOBALS: '0',
      NODE_TEST_DIR: temporary,
      PATH: `${dirname(node)}:${process.env.PATH}`,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', text => (said += text));
  const end = () => {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {} // nobody is left
  };
  const timer = setTimeout(end, Number(values.seconds) * 1000);
  const [code, signal] = await new Promise(done => child.on('exit', (...how) => done(how)));
  clearTimeout(timer);
  end();
  if (code === 0) return /^1\.\.0 # Skipped/m.test(said) ? 'skip' : 'pass';
  return `${signal ?? `code ${code}`}\n${said.split('\n').slice(-25).join('\n')}`;
}

const tests = testsIn(findTests());
const temporary = mkdtempSync(join(tmpdir(), 'node-suite-')); // not in DIR, where another run may be
const programs = positionals.length > 0 ? positionals.map(fetchNode) : [process.execPath];
let unnamed = 0;
try {
  for (const node of programs) {
    const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
    for (const mode of values.modes.split(',')) {
      const options = await modes[mode]();
      const count = { pass: 0, skip: 0, base: 0, differ: 0 };
      for (const file of tests) {
        const name = file.slice(file.lastIndexOf('/') + 1);
        const result = await run(node, file, options);
        if (result === 'pass' || result === 'skip') {
          count[result]++;
        } else if ((await run(node, file, undefined)) !== 'pass') {
          count.base++;
        } else {
          count.differ++;
          const known = differences[name];
          const isNamed = known?.modes.includes(mode);
          if (!isNamed) unnamed++;
          console.log(`${version} ${mode}: ${name}: ${isNamed ? known.why : result}`);
        }
      }
      console.log(
        `${version} ${mode}: ${count.pass} passed, ${count.skip} skipped, ${count.base} fail with Node's own too, ${count.differ} differ`,
      );
    }
  }
} finally {
  for (const child of targets) child.kill('SIGKILL');
  rmSync(temporary, { recursive: true, force: true });
}
// Not by itself: what tests have left in a target is ours to reap, as pid 1, and the target waits for that.
process.exit(unnamed > 0 ? 1 : 0);
