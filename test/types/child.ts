/**
 * The types of children, checked by `npm run lint` (tsc): what compiles here has to, and what is marked
 * must not. Never run.
 */
import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import {
  exec,
  execFile,
  execFileSync,
  execSync,
  fork,
  Namespaces,
  openNamespaces,
  spawn,
  spawnSync,
  type Terminal,
} from 'linux-namespaces';

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Same<A, B>): void {}

const piped = spawn('true');
same<typeof piped.stdin, Writable>(true);
same<typeof piped.stdout, Readable>(true);
const silent = spawn('true', { stdio: 'ignore' });
same<typeof silent.stdout, null>(true);
const mixed = spawn('true', [], { stdio: ['ignore', 'pipe', 'inherit'], target: 1 });
same<typeof mixed.stdin, null>(true);
same<typeof mixed.stdout, Readable>(true);
same<typeof mixed.stderr, null>(true);
const byHandle = openNamespaces(1, ['net']).spawn('true', [], { stdio: 'ignore' });
same<typeof byHandle.stdout, null>(true);
const onTerminal = spawn('sh', [], { target: 1, terminal: { columns: 80 } });
same<typeof onTerminal.terminal, Terminal>(true);
same<typeof onTerminal.stdin, null>(true);
spawn('sh', { terminal: true }).terminal.resize(80, 24);
const maybe = spawn('sh', { terminal: Math.random() > 0.5 });
maybe.terminal?.resize(80, 24);
same<(typeof maybe)['stdin'], ChildProcess['stdin']>(true);
// @ts-expect-error: there is none
spawn('sh').terminal.resize(80, 24);
// @ts-expect-error: misspelt
spawn('sh', { terminal: { colums: 80 } });
// @ts-expect-error: spawn alone
exec('sh', { terminal: true });
const child: ChildProcess = spawn('true', { stdio: ['pipe', 'pipe', 'pipe', 'ipc'] });
child.send({});

spawn('ip', ['addr'], {
  target: { net: '/run/netns/blue' },
  namespaces: ['net'],
  unshare: ['mnt'],
  env: ['target', { PATH: '/bin' }],
  capabilities: ['CAP_NET_ADMIN'],
  groups: [1],
  detached: true,
  timeout: 5,
});
// @ts-expect-error: no such type
spawn('true', { namespaces: ['network'] });
// @ts-expect-error: no such capability
spawn('true', { capabilities: ['NET_ADMIN'] });
// @ts-expect-error: only those of the target
spawn('true', { credentials: 'mine' });
// @ts-expect-error: a list of types, not 'all'
spawn('true', { unshare: 'all' });
// Not an option of Node's, nor ours: also beside those that are right, for each function.
const name = 'true';
const file = 'module.js';
// @ts-expect-error: misspelt
spawn(name, { nosuch: true });
// @ts-expect-error: misspelt
spawn(name, { target: 1, credental: 'target' });
// @ts-expect-error: misspelt
spawn(name, [], { target: 1, stdio: 'ignore', credental: 'target' });
// @ts-expect-error: misspelt
exec(name, { target: 1, credental: 'target' });
// @ts-expect-error: misspelt
exec(name, { target: 1, encoding: 'buffer', credental: 'target' }, () => {});
// @ts-expect-error: misspelt
execFile(name, { target: 1, credental: 'target' });
// @ts-expect-error: misspelt
execFile(name, [], { target: 1, encoding: 'buffer', credental: 'target' }, () => {});
// @ts-expect-error: misspelt
fork(file, { target: 1, credental: 'target' });
// @ts-expect-error: misspelt
fork(file, [], { target: 1, credental: 'target' });
// @ts-expect-error: there is no stream
spawn('true', { stdio: 'ignore' }).stdout.resume();

exec('true', (error, stdout) => {
  same<typeof stdout, string>(true);
  error?.code?.toFixed();
});
exec('true', { encoding: 'buffer', target: 1 }, (_, stdout) => same<typeof stdout, Buffer>(true));
execFile('true', ['a'], { encoding: null }, (_, stdout) => same<typeof stdout, Buffer>(true));
execFile('true', ['a'], { encoding: 'latin1' }, (_, out) => same<typeof out, string>(true));
// @ts-expect-error: a callback, not a number
exec('true', 3);

export async function promised(): Promise<void> {
  const promise = promisify(execFile)('true', ['a'], { target: 1, namespaces: 'all' });
  promise.child.kill();
  const { stdout } = await promise;
  same<typeof stdout, string>(true);
  const raw = await promisify(exec)('true', { encoding: 'buffer' });
  same<typeof raw.stderr, Buffer>(true);
}

fork('module.js', ['a'], { target: 1, namespaces: ['net'], serialization: 'advanced' }).send({});

const handle = openNamespaces(1, ['net']);
handle.fork('module.js', { execArgv: [] });
handle.exec('true', (_, stdout) => same<typeof stdout, string>(true));
handle.execFile('true', ['a'], { encoding: 'buffer' }, (_, out) => same<typeof out, Buffer>(true));
// @ts-expect-error: misspelt
handle.spawn(name, { cwd: '/', credental: 'target' });
// @ts-expect-error: misspelt
handle.exec(name, { cwd: '/', credental: 'target' });
// @ts-expect-error: misspelt
handle.execFile(name, [], { cwd: '/', credental: 'target' });
// @ts-expect-error: misspelt
handle.fork(file, { cwd: '/', credental: 'target' });
// @ts-expect-error: the handle is the target
handle.spawn(name, { target: 1 });
// @ts-expect-error: it comes from openNamespaces and its kin
new Namespaces();
const settings: import('linux-namespaces').SpawnOptions = { target: 1 };
const either = spawn(name, settings);
same<typeof either.stdout, Readable | null>(true);

// Programs of ours: of this machine, or of a directory.
spawn(name, { target: 1, tools: true, terminal: true }).terminal.resize(80, 24);
spawnSync(name, [], { target: 1, tools: '/srv/tools', cgroup: 'target' });
spawnSync(name, { target: 1, tools: new URL('file:///srv/tools') });
// @ts-expect-error: a path, or true
spawn(name, { target: 1, tools: 1 });

// The sync forms.
const bytes = spawnSync('true');
same<typeof bytes.stdout, Buffer>(true);
const text = spawnSync('true', [], { encoding: 'utf8', target: 1 });
same<typeof text.stdout, string>(true);
const buffer = spawnSync('true', { encoding: 'buffer', timeout: 5, input: 'x', unshare: ['net'] });
same<typeof buffer.stdout, Buffer>(true);
const printed = execSync('true', { encoding: 'utf8', target: 1 });
same<typeof printed, string>(true);
const file1 = execFileSync('true', ['a'], { stdio: 'pipe' });
same<typeof file1, Buffer>(true);
const inHandle = openNamespaces(1, ['net']).execFileSync('true', { encoding: 'utf8' });
same<typeof inHandle, string>(true);
// @ts-expect-error: misspelt
spawnSync(name, { target: 1, credental: 'target' });
// @ts-expect-error: misspelt
spawnSync(name, [], { target: 1, encoding: 'utf8', credental: 'target' });
// @ts-expect-error: misspelt
execSync(name, { target: 1, credental: 'target' });
// @ts-expect-error: misspelt
execFileSync(name, [], { target: 1, credental: 'target' });
// @ts-expect-error: the handle is the target
openNamespaces(1, ['net']).spawnSync('true', { target: 1 });
