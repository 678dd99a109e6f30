/**
 * node bench/root.mjs [scale]: copies 1 GB in one file, and 50,000 small files, out of a container and
 * into it, by openRoot, by tar through nsenter, and by `docker cp`. With a scale below 1, as much less.
 * In memory, so that it is not the disk that is measured; TMPDIR names another place.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openRoot } from 'linux-namespaces';
import { runnerImport } from 'vite';
import { file, interleave } from './measure.mjs';

const scale = Number(process.argv[2] ?? 1);
const rounds = 3;
process.env.TMPDIR ??= '/dev/shm';
const folder = mkdtempSync(join(os.tmpdir(), 'linux-namespaces-bench-root-'));
const image = join(folder, 'image');
const outside = join(folder, 'outside');

function fill() {
  mkdirSync(join(image, 'many'), { recursive: true });
  const files = Math.round(50_000 * scale);
  for (let i = 0; i < files; i++) {
    const directory = join(image, 'many', `${Math.floor(i / 500)}`);
    if (i % 500 === 0) mkdirSync(directory);
    writeFileSync(join(directory, `${i}`), Buffer.alloc(200 + (i % 3000), 'x'));
  }
  const large = openSync(join(image, 'large'), 'w');
  const block = Buffer.alloc(1 << 20, 'block');
  for (let i = 0; i < Math.round(1024 * scale); i++) writeSync(large, block);
  closeSync(large);
  // What tar needs inside: the program and its libraries, as in most images.
  for (const name of ['bin', 'lib', 'lib64', 'usr/bin', 'usr/lib'])
    mkdirSync(join(image, name), { recursive: true });
  const tar = execFileSync('sh', ['-c', 'command -v tar'], { encoding: 'utf8' }).trim();
  const libraries = execFileSync('ldd', [tar, '/bin/sleep'], { encoding: 'utf8' }).match(
    /\/\S+\.so\S*/g,
  );
  for (const path of new Set([tar, '/bin/sleep', ...libraries])) {
    mkdirSync(join(image, path, '..'), { recursive: true });
    cpSync(path, join(image, path), { dereference: true });
  }
  return tar;
}

const milliseconds = async work => {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start) / 1e6;
};
const shell = line => execFileSync('sh', ['-c', line], { stdio: ['ignore', 'ignore', 'inherit'] });
const mb = bytes => `${Math.round(bytes / 2 ** 20)} MB`;

/** Ours and theirs, in milliseconds, each from a clean start. */
async function compare(what, how, clean, ours, theirs) {
  const timed = work => async () => {
    await clean();
    return milliseconds(work);
  };
  const result = await interleave(rounds, { ours: timed(ours), theirs: timed(theirs) });
  return {
    what,
    ours: `${result.ours.toFixed(0)} ms`,
    how,
    theirs: `${result.theirs.toFixed(0)} ms`,
    'ours / theirs': result.ratio('ours', 'theirs').toFixed(2),
  };
}

const cleanOutside = () => {
  rmSync(outside, { recursive: true, force: true });
  mkdirSync(outside);
};

/** Each way, both ways round, with `theirs.out(what)` and `theirs.in(what)` beside ours. */
async function beside(how, root, clean, theirs) {
  for (const what of ['large', 'many']) {
    const out = () => root.copyOut(`/${what}`, join(outside, what));
    const into = () => root.copyIn(join(image, what), `/in/${what}`);
    rows.push(await compare(`${what}, out`, how, clean, out, () => theirs.out(what)));
    rows.push(await compare(`${what}, in`, how, clean, into, () => theirs.in(what)));
  }
}

async function besideTar(tar) {
  const target = spawn('unshare', ['-m', '-R', image, '/bin/sleep', '100000'], { stdio: 'ignore' });
  try {
    while (readFileSync(`/proc/${target.pid}/comm`, 'utf8') !== 'sleep\n') await sleep(5);
    const inside = `nsenter -t ${target.pid} -m -r ${tar}`;
    const root = openRoot(target.pid);
    const clean = () => {
      cleanOutside();
      rmSync(join(image, 'in'), { recursive: true, force: true });
      mkdirSync(join(image, 'in'));
    };
    await beside('tar, nsenter', root, clean, {
      out: what => shell(`${inside} -C / -cf - ${what} | tar -C ${outside} -xf -`),
      in: what => shell(`tar -C ${image} -cf - ${what} | ${inside} -C /in -xf -`),
    });
    root.close();
  } finally {
    target.kill('SIGKILL');
  }
}

async function besideDocker() {
  const { module } = await runnerImport(file('../test/engines/index.ts'));
  const docker = await module.startDocker();
  try {
    await docker.start('--name', 'files', 'busybox:1', 'sleep', '100000');
    const root = openRoot((await docker.inspect('files')).State.Pid);
    for (const what of ['large', 'many']) await root.copyIn(join(image, what), `/${what}`);
    const clean = async () => {
      cleanOutside();
      if (await root.exists('/in')) await root.rm('/in', { recursive: true });
      await root.mkdir('/in');
    };
    await beside('docker cp', root, clean, {
      out: what => docker.docker('cp', `files:/${what}`, outside),
      in: what => docker.docker('cp', join(image, what), 'files:/in'),
    });
    root.close();
  } finally {
    await docker.stop();
  }
}

const rows = [];
try {
  await besideTar(fill());
  if (spawnSync('sh', ['-c', 'command -v dockerd']).status === 0) await besideDocker();
  else console.log('Without Docker, which is not installed.');
  console.table(rows);
  console.log(`most memory of this process: ${mb(process.resourceUsage().maxRSS * 1024)}`);
} finally {
  if (existsSync(folder)) rmSync(folder, { recursive: true, force: true });
}
