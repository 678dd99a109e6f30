/**
 * Options that are variables: the result may be one thing or the other then, as with Node's own functions.
 * Checked by `npm run lint` (tsc). Never run.
 */
import type {
  ChildProcess,
  ExecFileOptions,
  ExecOptions,
  SpawnOptions,
  SpawnSyncOptions,
  StdioOptions,
} from 'node:child_process';
import type { BigIntStats, Dirent, Stats } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import * as ours from 'linux-namespaces';

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** What a call gives, through a promise. */
function is<B>(): <A>(value: A | Promise<A>, _: Same<A, B>) => void {
  return () => {};
}

declare const root: ours.ContainerRoot;
declare const flag: boolean;
declare const perhaps: boolean | undefined;
declare const yes: true | undefined;
declare const encoding: BufferEncoding;
declare const anyEncoding: BufferEncoding | null;
declare const maybeEncoding: BufferEncoding | undefined;
declare const nameEncoding: BufferEncoding | 'buffer';
declare const maybeBuffer: 'buffer' | undefined;

// readFile
is<Buffer>()(root.readFile('/a', {}), true);
is<Buffer>()(root.readFile('/a', null), true);
is<string>()(root.readFile('/a', encoding), true);
is<string | Buffer>()(root.readFile('/a', anyEncoding), true);
is<string | Buffer>()(root.readFile('/a', { encoding: anyEncoding }), true);
is<string | Buffer>()(root.readFile('/a', { encoding: maybeEncoding }), true);
is<string | Buffer>()(root.readFile('/a', {} as ours.ReadFileOptions), true);

// readdir
is<string[]>()(root.readdir('/a'), true);
is<string[]>()(root.readdir('/a', {}), true);
is<string[]>()(root.readdir('/a', null), true);
is<string[]>()(root.readdir('/a', encoding), true);
is<string[]>()(root.readdir('/a', { withFileTypes: false, recursive: flag }), true);
is<string[]>()(root.readdir('/a', { encoding: anyEncoding }), true);
is<Buffer[]>()(root.readdir('/a', 'buffer'), true);
is<Buffer[]>()(root.readdir('/a', { encoding: 'buffer' }), true);
is<Dirent[]>()(root.readdir('/a', { withFileTypes: true, encoding }), true);
is<Dirent<Buffer>[]>()(root.readdir('/a', { withFileTypes: true, encoding: 'buffer' }), true);
type Listed = string[] | Buffer[] | Dirent[] | Dirent<Buffer>[];
is<Listed>()(root.readdir('/a', { withFileTypes: flag }), true);
is<Listed>()(root.readdir('/a', { withFileTypes: perhaps }), true);
is<Listed>()(root.readdir('/a', { withFileTypes: yes, recursive: true }), true);
is<Listed>()(root.readdir('/a', { withFileTypes: flag, encoding: 'buffer' }), true);
is<Listed>()(root.readdir('/a', nameEncoding), true);
is<Listed>()(root.readdir('/a', { encoding: nameEncoding }), true);
is<Listed>()(root.readdir('/a', { encoding: maybeBuffer }), true);
is<Listed>()(root.readdir('/a', {} as ours.ReaddirOptions), true);

// readlink, realpath
for (const name of ['readlink', 'realpath'] as const) {
  is<string>()(root[name]('/a'), true);
  is<string>()(root[name]('/a', null), true);
  is<string>()(root[name]('/a', anyEncoding), true);
  is<string>()(root[name]('/a', { encoding: maybeEncoding }), true);
  is<Buffer>()(root[name]('/a', 'buffer'), true);
  is<Buffer>()(root[name]('/a', { encoding: 'buffer' }), true);
  is<string | Buffer>()(root[name]('/a', nameEncoding), true);
  is<string | Buffer>()(root[name]('/a', { encoding: nameEncoding }), true);
  is<string | Buffer>()(root[name]('/a', { encoding: maybeBuffer }), true);
  is<string | Buffer>()(root[name]('/a', {} as ours.NameOptions), true);
}

// stat, lstat
for (const name of ['stat', 'lstat'] as const) {
  is<Stats>()(root[name]('/a'), true);
  is<Stats>()(root[name]('/a', { bigint: false }), true);
  is<BigIntStats>()(root[name]('/a', { bigint: true }), true);
  is<Stats | BigIntStats>()(root[name]('/a', { bigint: flag }), true);
  is<Stats | BigIntStats>()(root[name]('/a', { bigint: perhaps }), true);
  is<Stats | BigIntStats>()(root[name]('/a', { bigint: yes }), true);
  is<Stats | BigIntStats>()(root[name]('/a', {} as ours.StatOptions), true);
}

// mkdir
is<void>()(root.mkdir('/a'), true);
is<void>()(root.mkdir('/a', 0o700), true);
is<void>()(root.mkdir('/a', { mode: 0o700, recursive: false }), true);
is<string | undefined>()(root.mkdir('/a', { recursive: true }), true);
is<string | undefined>()(root.mkdir('/a', { recursive: flag }), true);
is<string | undefined>()(root.mkdir('/a', { recursive: perhaps }), true);
is<string | undefined>()(root.mkdir('/a', { recursive: yes }), true);
is<string | undefined>()(root.mkdir('/a', {} as ours.MkdirOptions), true);

// stdio
declare const quiet: 'ignore' | undefined;
declare const io: 'pipe' | 'ignore' | 'inherit';
declare const stdio: StdioOptions;
declare const options: SpawnOptions;
type Either = Readable | null;
is<Readable>()(ours.spawn('a', [], { stdio: ['pipe', 'overlapped', null] }).stdout, true);
is<Readable>()(ours.spawn('a', [], { stdio: ['pipe'] }).stdout, true);
is<Readable>()(ours.spawn('a', [], { stdio: undefined }).stdout, true);
is<null>()(ours.spawn('a', [], { stdio: ['pipe', 1, process.stderr] }).stderr, true);
is<Either>()(ours.spawn('a', [], { stdio: quiet }).stdout, true);
is<Either>()(ours.spawn('a', { stdio: quiet }).stdout, true);
is<Either>()(ours.spawn('a', [], { stdio: io }).stdout, true);
is<Either>()(ours.spawn('a', [], { stdio: ['pipe', io] }).stdout, true);
is<Either>()(ours.spawn('a', [], { stdio: [quiet, quiet] }).stdout, true);
is<Either>()(ours.spawn('a', [], { stdio }).stdout, true);
is<Writable | null>()(ours.spawn('a', [], { stdio }).stdin, true);
is<Either>()(ours.spawn('a', [], options).stdout, true);
is<Either>()(ours.spawn('a', [], {} as ours.SpawnOptions).stdout, true);
ours.spawn('a', [], { stdio }) satisfies ChildProcess;
ours.spawn('a', [], options) satisfies ChildProcess;
is<ours.Terminal | undefined>()(ours.spawn('a', [], { terminal: yes }).terminal, true);

// encoding: without one, text from exec and execFile, and bytes from the sync forms
type Some = string | Buffer;
declare const of: ExecOptions;
declare const ofFile: ExecFileOptions;
ours.exec('a', { encoding: maybeEncoding }, (_, out) => is<string>()(out, true));
ours.exec('a', { encoding: anyEncoding }, (_, out) => is<Some>()(out, true));
ours.exec('a', { encoding: maybeBuffer }, (_, out) => is<Some>()(out, true));
ours.exec('a', of, (_, out) => is<Some>()(out, true));
ours.execFile('a', [], { encoding: maybeBuffer }, (_, out) => is<Some>()(out, true));
ours.execFile('a', { encoding: maybeBuffer }, (_, out) => is<Some>()(out, true));
ours.execFile('a', [], ofFile, (_, out) => is<Some>()(out, true));
is<Some>()(ours.spawnSync('a', [], { encoding: maybeEncoding }).stdout, true);
is<Some>()(ours.spawnSync('a', { encoding: maybeEncoding }).stdout, true);
is<Some>()(ours.spawnSync('a', { encoding: anyEncoding }).stdout, true);
is<Some>()(ours.spawnSync('a', [], {} as SpawnSyncOptions).stdout, true);
is<Buffer>()(ours.spawnSync('a', { encoding: maybeBuffer }).stdout, true);
is<Buffer>()(ours.spawnSync('a', [], { encoding: undefined }).stdout, true);
is<Some>()(ours.execSync('a', { encoding: maybeEncoding }), true);
is<Some>()(ours.execFileSync('a', [], { encoding: maybeEncoding }), true);
is<Some>()(ours.execFileSync('a', { encoding: maybeEncoding }), true);
is<Some>()(ours.execFileSync('a', [], {} as ours.ExecFileSyncOptions), true);
