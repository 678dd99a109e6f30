/**
 * node bench/root.mjs [scale]: copies 1 GB in one file, and 50,000 small files, out of a container and
 * into it, by openRoot and by tar through nsenter. With a scale below 1, as much less.
 */
import { execFileSync, spawn } from 'node:child_process';
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
import { interleave } from './measure.mjs';

const scale = Number(process.argv[2] ?? 1);
const rounds = 3;
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

let target;
try {
  const tar = fill();
  target = spawn('unshare', ['-m', '-R', image, '/bin/sleep', '100000'], { stdio: 'ignore' });
  while (readFileSync(`/proc/${target.pid}/comm`, 'utf8') !== 'sleep\n') await sleep(5);
  const inside = `nsenter -t ${target.pid} -m -r ${tar}`;
  const root = openRoot(target.pid);
  const rows = [];
  for (const what of ['large', 'many']) {
    const clean = () => {
      rmSync(outside, { recursive: true, force: true });
      rmSync(join(image, 'in'), { recursive: true, force: true });
      mkdirSync(outside);
      mkdirSync(join(image, 'in'));
      execFileSync('sync');
    };
    const time = work => () => {
      clean();
      return milliseconds(work);
    };
    const out = await interleave(rounds, {
      ours: time(() => root.copyOut(`/${what}`, join(outside, what))),
      tar: time(() => shell(`${inside} -C / -cf - ${what} | tar -C ${outside} -xf -`)),
    });
    const into = await interleave(rounds, {
      ours: time(() => root.copyIn(join(image, what), `/in/${what}`)),
      tar: time(() => shell(`tar -C ${image} -cf - ${what} | ${inside} -C /in -xf -`)),
    });
    for (const [way, result] of Object.entries({ out, in: into })) {
      rows.push({
        what: `${what}, ${way}`,
        ours: `${result.ours.toFixed(0)} ms`,
        tar: `${result.tar.toFixed(0)} ms`,
        'ours / tar': result.ratio('ours', 'tar').toFixed(2),
      });
    }
  }
  console.table(rows);
  console.log(`most memory of this process: ${mb(process.resourceUsage().maxRSS * 1024)}`);
  root.close();
} finally {
  target?.kill('SIGKILL');
  if (existsSync(folder)) rmSync(folder, { recursive: true, force: true });
}
