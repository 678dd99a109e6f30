/**
 * npm run test:engines [-- trixie sid docker podman ...]: the tests that start container engines, with the
 * engines of other Debians: each has its root directory in a cache, and is the machine that the tests'
 * engines run in (test/engines/machine.ts). Docker's with each of its stores of images. Words name
 * releases, and files of tests by a part of their path; without any it is all of them.
 *
 * Needs root, a build, `debootstrap`, and what test/engines/packages names for the tests' own part. What
 * a release has not is skipped by name. All that was started ends with this process, however that ends.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawn } from 'linux-namespaces';
import { claimCache } from './cache.mjs';
import { count } from './count.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const releases = ['trixie', 'sid'];
/** With overlay2, and with containerd's, which is told in daemon.json. */
const stores = ['overlay2', 'containerd'];
const minutes = 15;

/** What test/engines/packages names, but for what makes trees; and what came with it in Debian 12. */
const packages = [
  ...readFileSync(join(root, 'test/engines/packages'), 'utf8')
    .trim()
    .split('\n')
    .map(line => line.split(':')[1])
    .filter(name => name !== 'debootstrap'),
  ...['busybox-static', 'curl', 'docker-cli', 'docker-compose', 'iproute2', 'nftables'],
  ...['openssl', 'passt', 'procps', 'tmux'],
].sort();
const shown = ['docker.io', 'containerd', 'runc', 'crun', 'podman', 'lxc'];

const words = process.argv.slice(2);
const chosen = releases.filter(name => words.includes(name));
const parts = words.filter(word => !releases.includes(word));

/**
 * Runs a program, which ends with all that it has started when this process does.
 *
 * @param {string} file
 * @param {readonly string[]} args
 * @param {any} options of spawn
 */
async function run(file, args, { env = process.env, ...options } = {}) {
  const child = spawn(file, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    killOnParentExit: true,
    env,
    ...options,
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), minutes * 60_000);
  const [code] = await once(child, 'close');
  clearTimeout(timer);
  return code;
}

/** The root directory of a Debian with the packages; made once, and made anew where they are others. */
async function findTree(release) {
  const cache = claimCache('engines');
  const hash = createHash('sha256').update(packages.join()).digest('hex').slice(0, 12);
  const tree = join(cache, `${release}-${hash}`);
  if (existsSync(tree)) return tree;
  console.log(`Making the root directory of ${release}: a few minutes`);
  for (const name of readdirSync(cache).filter(name => name.startsWith(`${release}-`))) {
    rmSync(join(cache, name), { recursive: true });
  }
  const unfinished = `${tree}-unfinished`;
  const args = ['--variant=minbase', `--include=${packages}`, release, unfinished];
  // What it mounts is gone with its namespaces, and so is what it has started.
  const apart = { unshare: ['mnt', 'pid'], mountProc: true };
  const quiet = { stdio: ['ignore', 'ignore', 'inherit'] };
  const code = await run('debootstrap', args, { ...apart, ...quiet });
  if (code !== 0) throw new Error(`debootstrap ended with ${code}: ${unfinished}/debootstrap`);
  renameSync(unfinished, tree);
  return tree;
}

function versionsIn(tree) {
  const format = `-f=\${Package} \${Version}\\n`;
  const args = [`--admindir=${join(tree, 'var/lib/dpkg')}`, '-W', format, ...shown];
  return execFileSync('dpkg-query', args, { encoding: 'utf8' }).trim().split('\n').join(', ');
}

/** The files of tests that start engines, and have one of these words in their path. */
function filesOf(some) {
  const all = ['containers', 'engines'].flatMap(name => {
    const folder = join('test/system', name);
    return readdirSync(join(root, folder)).map(file => join(folder, file));
  });
  return all.filter(
    file =>
      file.endsWith('.test.ts') &&
      readFileSync(join(root, file), 'utf8').includes('/engines/index.ts') &&
      (some.length === 0 || some.some(word => file.includes(word))),
  );
}

async function runTests(files, env) {
  const report = join(claimCache('engines'), `report-${process.pid}.json`);
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const reporters = ['default', join(root, 'scripts/skipped.mjs'), 'json'];
  const args = [
    ...[vitest, 'run', '--project=system', `--outputFile.json=${report}`],
    ...reporters.map(name => `--reporter=${name}`),
    ...files,
  ];
  const code = await run(process.execPath, args, { env: { ...process.env, ...env } });
  const counts = existsSync(report) ? count(report) : { passed: 0, failed: 0, skipped: 0 };
  rmSync(report, { force: true });
  return { ...counts, ok: code === 0 && counts.passed > 0 };
}

process.chdir(root);
const [files, ofDocker] = [filesOf(parts), filesOf(['/docker.test'])];
if (files.length === 0) throw new Error(`no file of tests has ${parts.join(' or ')} in its path`);
const rows = [];
for (const release of chosen.length > 0 ? chosen : releases) {
  const tree = await findTree(release);
  for (const store of stores) {
    const some = store === 'overlay2' ? files : files.filter(file => ofDocker.includes(file));
    if (some.length === 0) continue;
    console.log(`\n=== ${release}, Docker's images in ${store}: ${versionsIn(tree)}`);
    const env = { ENGINES_TREE: tree, ENGINES_DOCKER_STORE: store };
    rows.push({ release, store, ...(await runTests(some, env)) });
  }
}
console.table(rows);
if (rows.some(row => !row.ok)) process.exitCode = 1;
