/**
 * node scripts/fuzz/requests.mjs: starts children of every kind, and keeps what the launcher is told for
 * them as seeds of test/fuzz/harness/launcher_request.cc. To be run anew when `struct launch` has
 * changed. Needs root and strace.
 */
import { spawn as nodeSpawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createNamespaces, evaluate, spawn } from '../../lib/index.js';
import { root } from '../sources.mjs';

async function startChildren() {
  const line = ['-Urnpmuf', '--kill-child', 'sh', '-c', 'echo; exec sleep infinity'];
  const holder = nodeSpawn('unshare', line, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  const children = fs.readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, 'utf8');
  const target = Number(children);
  const map = [{ inside: 0, outside: 0, length: 65536 }];
  /** @type {import('../../lib/index.js').SpawnOptions[]} */
  const kinds = [
    {},
    { target, stdio: 'ignore' },
    { target, namespaces: ['net'], cwd: '/tmp', killOnParentExit: true },
    { target, namespaces: ['user', 'pid', 'mnt'], root: 'target', cgroup: 'target' },
    { target, namespaces: ['net', 'uts'], unshare: ['pid', 'mnt'], mountProc: true },
    { target, namespaces: ['net'], credentials: 'target' },
    { target, tools: true },
    { target, namespaces: ['net'], terminal: { columns: 80, rows: 24 } },
    { unshare: ['user', 'net'], idMap: 'root', loopback: true },
    { unshare: ['user', 'uts'], idMap: { uid: map, gid: map }, hostname: 'host', domainname: 'd' },
    { unshare: ['user', 'mnt'], idMap: 'root', propagation: 'private' },
    { unshare: ['time', 'pid'], monotonic: 1000, boottime: 2000 },
    { unshare: ['mnt'], root: '/', cwd: '/usr' },
    { uid: 1, gid: 2, groups: [3, 4, 5], noNewPrivs: true, capabilities: [] },
  ];
  for (const options of kinds) {
    const child = spawn('true', ['argument'], options);
    child.terminal?.resume();
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`${JSON.stringify(options)}: ${code}`);
  }
  const held = await createNamespaces(['net', 'uts', 'pid', 'user'], { idMap: 'root' });
  held.close();
  await evaluate(target, ['net'], () => 1);
  const t = `${target}`;
  const commands = [
    ['enter', '-t', t, '-n', 'true'],
    ['enter', '-t', t, '-a', 'true'],
    ['run', '-n', '-u', 'true'],
    ['run', '-p', '-f', '-m', '--mount-proc', '--kill-child', 'true'],
    ['run', '-U', '-r', 'true'],
  ];
  for (const words of commands) {
    const { status } = spawnSync(process.execPath, [join(root, 'lib/cli.cjs'), ...words]);
    if (status !== 0) throw new Error(`${words.join(' ')}: ${status}`);
  }
  holder.kill('SIGKILL');
}

/** What was sent, one request of each shape: the first field is the size, and one byte follows. */
function requestsIn(folder) {
  const found = new Map();
  for (const name of fs.readdirSync(folder)) {
    const text = fs.readFileSync(join(folder, name), 'latin1');
    for (const [, escaped] of text.matchAll(/^sendto\(\d+, "((?:\\x..)+)"/gm)) {
      const bytes = Buffer.from(escaped.replaceAll('\\x', ''), 'hex').subarray(0, -1);
      if (bytes.length < 400 || bytes.readUInt32LE() !== bytes.length) continue;
      found.set(`${bytes.readUInt32LE(4)} ${bytes.readUInt32LE(8)} ${bytes.length >> 6}`, bytes);
    }
  }
  return [...found.values()];
}

/** What launcher_request.cc reads before the request, but for its length. */
const heads = {
  whole: Buffer.from([1]),
  // What is forked goes on as it does not otherwise.
  forks: Buffer.from([1, 0, 0xff, 0xff]),
  // The same, and there is a program that writes the maps: its path, one byte.
  helper: Buffer.from([1, 0, 0xff, 0xff, 0, 0, 0, 0, 9, 2, 1, 0]),
  // Every text is longer than what it is copied to.
  long: Buffer.from([1, 0, 0, 0, 0, 32, 1, 1, 255, 0, 0x80, 0x20]),
};

if (process.argv[2] === 'children') {
  await startChildren();
} else {
  const folder = fs.mkdtempSync(join(os.tmpdir(), 'linux-namespaces-requests-'));
  process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
  const traced = ['-ff', '-qq', '-xx', '-s', '200000', '-e', 'trace=sendto', '-o', `${folder}/of`];
  const line = [...traced, process.execPath, fileURLToPath(import.meta.url), 'children'];
  const { status } = spawnSync('strace', line, { stdio: 'inherit' });
  if (status !== 0) throw new Error(`The children ended with ${status}`);
  const corpus = join(root, 'test/fuzz/corpus/launcher_request');
  fs.mkdirSync(corpus, { recursive: true });
  for (const name of fs
    .readdirSync(corpus)
    .filter(name => /^(whole|forks|helper|long)-/.test(name))) {
    fs.rmSync(join(corpus, name));
  }
  for (const request of requestsIn(folder)) {
    for (const [name, first] of Object.entries(heads)) {
      const head = Buffer.alloc(24);
      first.copy(head);
      head.writeUInt32LE(request.length, 20);
      const seed = Buffer.concat([head, request]);
      const hash = createHash('sha256').update(seed).digest('hex').slice(0, 8);
      fs.writeFileSync(join(corpus, `${name}-${hash}`), seed);
    }
  }
  console.log(`${fs.readdirSync(corpus).length} seeds`);
}
