// What the attacks of this folder have in common. Each wins against version 0.1 in every run, and
// against this one in none: `node NAME.mjs [runs]`, with LINUX_NAMESPACES=path/to/index.js for another
// build. Needs root, strace, setpriv, unshare and a C compiler.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const given =
  process.env.LINUX_NAMESPACES ?? fileURLToPath(new URL('../../lib/index.js', import.meta.url));
/** For programs of their own, `node()`. */
export const libraryUrl = pathToFileURL(given).href;
export const library = await import(libraryUrl);

export const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-attack-'));
chmodSync(folder, 0o755);
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
process.setMaxListeners(0);
export const runs = Number(process.argv[2] ?? 10);
const isPart = process.argv[3] === 'part';

/** The attacker's program, static: it runs in any image. A part of `reportApart` has its parent's. */
export function compile(name) {
  if (isPart) return join(process.argv[4], name);
  const program = join(folder, name);
  const source = fileURLToPath(new URL(`${name}.c`, import.meta.url));
  execFileSync('cc', ['-static', '-O1', '-w', '-pthread', '-o', program, source]);
  return program;
}

/** What Docker leaves a container, and what else is given by name, in setpriv's words. */
export const docker = more =>
  'chown,dac_override,fowner,fsetid,kill,setgid,setuid,setpcap,net_bind_service,net_raw,sys_chroot,mknod,audit_write,setfcap'
    .split(',')
    .concat(more ?? [])
    .map(name => `+${name}`)
    .join(',');

/** Without any capability in our user namespace. */
export const asUser = [
  'setpriv',
  '--reuid=1000',
  '--regid=1000',
  '--clear-groups',
  '--inh-caps=-all',
  '--bounding-set=-all',
];

/** Starts it, and waits for its first word; it ends with us. */
export async function start(...line) {
  const [file, ...args] = line;
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  process.on('exit', () => child.kill('SIGKILL'));
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error(`${file} ${args} ended`))),
  ]);
  return child;
}

/** The last one of the processes that descend from it. */
export function innermost(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return children[0] === '' ? pid : innermost(Number(children[0]));
}

/** A container whose first process is the attacker. `lines`: what it has said. */
export async function container(flags, line) {
  // It ends with this process, however that ends: an attacker keeps a processor busy.
  const unshare = ['unshare', '--kill-child', '-f', ...flags, ...line];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...unshare], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', text => {
    const all = (rest + text).split('\n');
    rest = all.pop();
    lines.push(...all);
  });
  await once(child.stdout, 'data'); // it says that it is ready
  const pid = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8'));
  const stop = async () => {
    const gone = child.stdout.closed ? undefined : once(child, 'close');
    child.kill('SIGKILL');
    await gone;
  };
  return { pid, lines, stop };
}

/**
 * For such a source: `longest()` is for how many milliseconds its loop has stood still, without what another
 * thread of it has had to wait for as well, for want of a processor; `again()`: from here on.
 */
export const heart = `
  import { Worker as Heart } from 'node:worker_threads';
  const waited = new Int32Array(new SharedArrayBuffer(8));
  const other = new Heart(
    'import { workerData as waited } from "node:worker_threads";' +
    'let last = Date.now();' +
    'setInterval(() => { waited[1] = Math.max(waited[1], Date.now() - last); last = Date.now(); }, 20);',
    { eval: true, workerData: waited },
  );
  await new Promise(done => other.on('online', done));
  other.unref();
  let last = Date.now();
  setInterval(() => {
    waited[0] = Math.max(waited[0], Date.now() - last);
    last = Date.now();
  }, 20).unref();
  const again = () => { last = Date.now(); };
  const longest = () => Math.max(waited[0], Date.now() - last) - waited[1];
`;

/** Runs a module's source in a Node of its own, under strace where calls are to be slow. */
export async function node(source, slow = [], milliseconds = 200) {
  const line = [process.execPath, '--input-type=module', '-e', source];
  const calls = slow.join(',');
  const delay = `inject=${calls}:delay_enter=${milliseconds * 1000}`;
  const strace = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${calls}`, '-e', delay];
  const [file, ...args] = slow.length === 0 ? line : [...strace, ...line];
  // What stands still for ever is ended: then there is a signal, and nothing was said.
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  const output = { out: '', err: '' };
  child.stdout.on('data', data => (output.out += data));
  child.stderr.on('data', data => (output.err += data));
  const [code, signal] = await once(child, 'close');
  return { ...output, code, signal };
}

const counted = { won: 0, of: 0 };
function count(won) {
  if (won) counted.won++;
  counted.of++;
  if (counted.of % 50 === 0) console.error(`won ${counted.won} of ${counted.of} so far`);
}

function finish() {
  console.log(`won ${counted.won} of ${counted.of}`);
  process.exit(counted.won === 0 ? 0 : 1);
}

/** `attack` answers whether it has won; it is told which run this is. */
export async function report(attack) {
  for (let run = 0; run < runs; run++) count(await attack(run));
  finish();
}

/** Some of the runs, in a process of its own. The shell, pid 1 there, reaps what attackers leave. */
function startPart(count) {
  const again = [process.execPath, process.argv[1], `${count}`, 'part', folder];
  const shell = ['sh', '-c', '"$@"; exit $?', 'sh', ...again];
  const own = ['--pdeathsig', 'KILL', 'unshare', '-mpf', '--kill-child', '--mount-proc', ...shell];
  return spawn('setpriv', own, { stdio: ['ignore', 'pipe', 'inherit'] });
}

/**
 * The same for lists that are to meet nobody but the attackers of this program: in processes that have
 * a /proc of their own. Where there are more than ten runs, `atOnce` of them share these: that one
 * list waits costs no time then.
 */
export async function reportApart(attack, atOnce) {
  if (isPart) {
    for (let run = 0; run < runs; run++) writeSync(1, (await attack(run)) ? 'w' : '-');
    process.exit();
  }
  const parts = Math.min(atOnce, Math.ceil(runs / 10));
  const shares = Array.from({ length: parts }, (_, part) => Math.ceil((runs - part) / parts));
  const ends = shares.map(async share => {
    const part = startPart(share);
    part.stdout.setEncoding('latin1').on('data', text => {
      for (const run of text) count(run === 'w');
    });
    const [code] = await once(part, 'close');
    if (code !== 0) throw new Error(`a part ended with ${code}`);
  });
  await Promise.all(ends);
  if (counted.of !== runs) throw new Error(`${counted.of} runs of ${runs}`);
  finish();
}
