// What the programs of this folder share: compiling an attacker, starting it as a user without rights,
// and the count of how often it won.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-attack-'));
chmodSync(folder, 0o755);
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
process.setMaxListeners(0);
export const runs = Number(process.argv[2] ?? 10);
export const library = await import(process.env.LINUX_NAMESPACES ?? '../../lib/index.js');

export function compile(name) {
  const program = join(folder, name);
  const source = new URL(`${name}.c`, import.meta.url).pathname;
  execFileSync('cc', ['-O1', '-w', '-pthread', '-o', program, source]);
  return program;
}

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

/** `attack` answers whether it won. */
export async function report(attack) {
  let won = 0;
  for (let run = 0; run < runs; run++) if (await attack(run)) won++;
  console.log(`won ${won} of ${runs}`);
  process.exit(won === 0 ? 0 : 1);
}
