/**
 * npm run test:packages [-- 20 24 redis undici]: real packages inside callbacks, beside real servers, from two
 * networks and outside at once. Right is: each is answered on its own side, and nothing is left in the end. On
 * Node 20 and 24, unless others are named; other words choose cases by a part of their name.
 *
 * Wants root, the built addon, and servers of Debian's: what is missing is said, and installed with --install.
 * The packages are those of test/packages/package-lock.json, and are fetched when they are not there.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createNamespaces } from '../lib/index.js';
import { fetchNode } from './nodes-fetch.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(root, 'test/packages');
/** Milliseconds that a case may take: three brokers start in it, on a machine that may be busy. */
const most = 240_000;

/** Packages of Debian's, by what they have to bring. */
const programs = {
  chromium: '/usr/bin/chromium',
  'mariadb-server': '/usr/sbin/mariadbd',
  memcached: '/usr/bin/memcached',
  mosquitto: '/usr/sbin/mosquitto',
  'nats-server': '/usr/sbin/nats-server',
  postgresql: '/usr/lib/postgresql',
  'rabbitmq-server': '/usr/sbin/rabbitmq-server',
  'redis-server': '/usr/bin/redis-server',
};

const words = process.argv.slice(2).filter(word => word !== '--install');
const majors = words.filter(word => /^\d+$/.test(word));
const names = words.filter(word => !/^\d+$/.test(word));

function installServers() {
  const missing = Object.keys(programs).filter(name => !existsSync(programs[name]));
  if (missing.length === 0) return;
  const command = ['install', '-y', '--no-install-recommends', ...missing];
  if (!process.argv.includes('--install')) {
    throw new Error(
      `Missing: apt-get ${command.join(' ')} (or npm run test:packages -- --install)`,
    );
  }
  execFileSync('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...command], {
    stdio: 'inherit',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}

function installPackages() {
  const done = join(folder, 'node_modules/.package-lock.json');
  const lock = join(folder, 'package-lock.json');
  if (existsSync(done) && statSync(done).mtimeMs >= statSync(lock).mtimeMs) return;
  const options = ['--ignore-scripts', '--no-audit', '--no-fund'];
  execFileSync('npm', ['ci', ...options], { cwd: folder, stdio: 'inherit' });
}

/** All cases, by file: read by a program of its own, for some packages start things when loaded. */
function listCases(node) {
  return readdirSync(join(folder, 'cases')).flatMap(name => {
    const file = join(folder, 'cases', name);
    const code = `import(${JSON.stringify(pathToFileURL(file).href)}).then(cases => {
      const all = Object.entries(cases.default).map(([name, one]) => [name, one.node ?? 0]);
      process.stdout.write('\\n' + JSON.stringify(all), () => process.exit());
    })`;
    const text = execFileSync(node, ['--no-warnings', '-e', code], { encoding: 'utf8' });
    return JSON.parse(text.split('\n').at(-1)).map(([name, least]) => ({ file, name, least }));
  });
}

/** In a network of its own, whose ports are all free, and with a pid namespace, with which all ends. */
async function run(node, { file, name }) {
  const scratch = mkdtempSync(join(tmpdir(), 'linux-namespaces-packages-'));
  execFileSync('chmod', ['755', scratch]);
  const network = await createNamespaces(['net'], { loopback: true });
  try {
    const child = network.spawn(node, ['--expose-gc', join(folder, 'run.mjs'), file, name], {
      unshare: ['pid', 'mnt'],
      mountProc: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TMPDIR: scratch },
      timeout: most,
      killSignal: 'SIGKILL',
    });
    let out = '';
    let err = '';
    child.stdout.on('data', data => {
      out += data;
    });
    child.stderr.on('data', data => {
      err += data;
    });
    const [code, signal] = await once(child, 'close');
    const last = out.trim().split('\n').at(-1);
    if (code === 0 && last?.startsWith('{')) return JSON.parse(last);
    return { wrong: [`ended with ${signal ?? code}: ${err.slice(-2000)}`], left: '' };
  } finally {
    network.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

installServers();
installPackages();
let failed = 0;
let passed = 0;
for (const major of majors.length > 0 ? majors : ['20', '24']) {
  const node = fetchNode(major);
  console.log(`\n=== Node ${execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()}`);
  for (const one of listCases(node)) {
    if (one.least > Number(major)) continue;
    if (names.length > 0 && !names.some(name => one.name.includes(name))) continue;
    const started = Date.now();
    const { wrong, left, keeps } = await run(node, one);
    const seconds = Math.round((Date.now() - started) / 1000);
    const bad = wrong.length > 0 || (left !== '' && keeps === undefined);
    const kept = left !== '' && !bad ? `, keeps ${left}: ${keeps}` : '';
    console.log(`${bad ? 'FAILED' : 'ok    '} ${one.name} (${seconds} s)${kept}`);
    if (bad)
      console.log(
        `       ${[...wrong, left && `left: ${left}`].filter(Boolean).join('\n       ')}`,
      );
    if (bad) failed++;
    else passed++;
  }
}
console.log(`\n${passed} right, ${failed} wrong`);
if (failed > 0 || passed === 0) process.exitCode = 1;
