/**
 * The process of a container: whether the pid that an engine wrote down still is the process that it
 * started, and what /proc says of it.
 */
import { binding } from '../base/binding.ts';
import { errnos } from '../base/errnos.ts';
import { failure, NamespaceError } from '../base/errors.ts';
import { kinds, type NamespaceType } from '../base/namespace-types.ts';
import { fileOfProcess, startIn } from '../base/proc.ts';
import { type ProcessFiles, readProcesses } from '../base/processes.ts';
import { heldUp } from '../base/waiting-files.ts';
import { dateOf, isStart, ticksAhead } from './clocks.ts';
import type { Container, ContainerNamespaces } from './container.ts';
import { isNamedBy } from './membership.ts';
import type { Reader } from './reader.ts';

/** What an engine claims, with the pid as our /proc shows it. */
export interface Claim {
  readonly pid: number;
  /** In clock ticks after boot; engines that do not write it down name the cgroup by the id. */
  readonly startTime: number | undefined;
  /** It was read from our /proc, by our clock. */
  readonly isSeen: boolean;
  readonly id: string;
  /** A component of its cgroup's path that nobody else's has. Default: one that is named by the id. */
  readonly cgroupName: string | undefined;
  readonly owner: number;
  /** Its container has a mount namespace that is not the host's. */
  readonly hasOwnMounts: boolean;
}

/**
 * What there is with that pid: the process; none, or one that is certainly another (`'gone'`); one of which
 * nothing says whose it is (`'unproven'`), or which keeps its readers waiting (`'held up'`).
 */
export type Found = Process | 'gone' | 'unproven' | 'held up';

export interface Process extends Pick<Container, 'cgroup' | 'namespaces'> {
  readonly pid: number;
  readonly startTime: number;
  readonly started: Date;
  /** undefined where the freezer cannot be read. */
  readonly frozen: boolean | undefined;
}

/** From where containers are looked at. */
export interface View {
  /** The namespaces of the host. */
  readonly host: Inodes;
  /** How far our clock is ahead of the host's, in clock ticks; undefined where that is not known. */
  readonly ahead: number | undefined;
  /** Below the directory that is the host's root. */
  readonly reader: Reader;
  readonly files: Looks;
}

const links = kinds.map(({ name }) => `ns/${name}`);
const wanted = ['stat', 'cgroup', 'owners', ...links];

/** What is read of processes, once of each; for those that are asked for in one turn, in one go. */
export class Looks {
  readonly #known = new Map<number, Promise<ProcessFiles>>();
  #asked: number[] = [];
  #answers: Promise<readonly ProcessFiles[]> | undefined;

  of(pid: number): Promise<ProcessFiles> {
    const known = this.#known.get(pid);
    if (known !== undefined) return known;
    const i = this.#asked.push(pid) - 1;
    this.#answers ??= this.#read();
    const files = this.#answers.then(all => all[i] as ProcessFiles);
    this.#known.set(pid, files);
    return files;
  }

  async #read(): Promise<readonly ProcessFiles[]> {
    await undefined; // until all of this turn have asked
    const pids = this.#asked;
    this.#asked = [];
    this.#answers = undefined;
    return readProcesses(pids, wanted);
  }
}

/** The inodes of its namespaces, by type. */
export type Inodes = ReadonlyMap<NamespaceType, number>;

/** From there, by the process that stands for the host: by us, where its namespaces are not shown. */
export async function viewFrom(pid: number, reader: Reader, files: Looks): Promise<View> {
  const found = await files.of(pid);
  try {
    const inodes = inodesIn(found);
    const host = inodes.size > 0 ? inodes : inodesIn(await files.of(process.pid));
    return { host, ahead: ticksAhead({ pid, time: textOf(found, 'ns/time') }), reader, files };
  } catch (error) {
    throw namedFailure(error, pid);
  }
}

/** Throws where that cannot be known (too few files). */
export async function lookAt(claim: Claim, view: View): Promise<Found> {
  try {
    const found = look(claim, await view.files.of(claim.pid), view);
    if (typeof found === 'string') return found;
    const { lines, ...known } = found;
    return { ...known, frozen: await isFrozen(lines, claim.pid, view.reader) };
  } catch (error) {
    throw namedFailure(error, claim.pid);
  }
}

/** With the lines of its cgroups, by which its freezer is found. */
type Seen = Omit<Process, 'frozen'> & { readonly lines: readonly string[] };

function look(
  claim: Claim,
  files: ProcessFiles,
  { host, ahead }: View,
): Seen | Exclude<Found, Process> {
  const { pid, startTime, isSeen, owner, hasOwnMounts } = claim;
  if (files('stat') === errnos.ETIMEDOUT) return 'held up';
  const stat = textOf(files, 'stat');
  const started = stat === undefined ? undefined : startIn(stat);
  if (started === undefined) return isHidden(pid) ? 'unproven' : 'gone';
  if (startTime !== undefined) {
    const clock = { pid, time: textOf(files, 'ns/time') };
    const isIt = isStart(clock, started, startTime, isSeen ? 0 : ahead);
    if (!isIt) return isIt === undefined ? 'unproven' : 'gone';
  }
  const lines = textOf(files, 'cgroup')?.trim().split('\n') ?? [];
  if (startTime === undefined) {
    // Also where the cgroup has its name: users name their own as they like.
    const mounts = hasOwnMounts ? inodesIn(files).get('mnt') : undefined;
    if (mounts !== undefined && mounts === host.get('mnt')) return 'gone';
    if (!lines.some(line => isNamed(line, claim))) return 'unproven';
  }
  // The files of a user can claim any process: it has to be in a user namespace of that user's.
  const isTheirs = owner === 0 || isOf(owner, files);
  if (!isTheirs) return isTheirs === undefined ? 'unproven' : 'gone';
  return {
    pid,
    startTime: started,
    started: dateOf(started),
    cgroup: mainCgroup(lines),
    lines,
    namespaces: namespacesIn(files, host),
  };
}

function isNamed(line: string, { id, cgroupName }: Claim): boolean {
  return cgroupName === undefined ? isNamedBy(line, id) : line.split('/').includes(cgroupName);
}

function namedFailure(error: unknown, pid: number): unknown {
  const { errno, syscall = 'open' } = error as NodeJS.ErrnoException;
  const hasTarget = error instanceof NamespaceError && error.target !== undefined;
  if (hasTarget || errno === undefined) return error;
  const advice = errno === errnos.ETIMEDOUT ? heldUp : undefined;
  return failure(errno, syscall, { target: pid, advice });
}

/** What is not there, not ours to look at, or has been removed: anything else keeps us from knowing. */
const notShown: ReadonlySet<unknown> = new Set([
  'ENOENT',
  'ESRCH',
  'ENOTDIR',
  'ENODEV',
  'EACCES',
  'EPERM',
]);

function read(path: string): string | undefined {
  try {
    return fileOfProcess(path);
  } catch (error) {
    if (notShown.has((error as NodeJS.ErrnoException).code)) return undefined;
    throw error;
  }
}

/** undefined of what is not shown; throws for anything else that keeps us from knowing. */
function textOf(files: ProcessFiles, name: string): string | undefined {
  const text = files(name);
  if (typeof text === 'string') return text;
  const error = failure(text, 'open');
  if (notShown.has(error.code)) return undefined;
  throw error;
}

/** proc_pid_cgroup(5): `hierarchy:controllers:path`. */
function pathIn(lines: readonly string[], controller: string): string | undefined {
  for (const line of lines) {
    const [, controllers = '', ...path] = line.split(':');
    if (controllers.split(',').includes(controller)) return path.join(':');
  }
  return undefined;
}

/** On a machine with both versions, version 2 may not be where containers are parted. */
function mainCgroup(lines: readonly string[]): string | undefined {
  const paths = ['', 'pids', 'memory', 'cpu', 'name=systemd'].map(name => pathIn(lines, name));
  return paths.find(path => path !== undefined && path !== '/') ?? paths[0];
}

/** Whether a process is in a frozen cgroup; undefined where that cannot be read. */
export async function isPaused(pid: number): Promise<boolean | undefined> {
  const lines = read(`/proc/${pid}/cgroup`)?.trim().split('\n') ?? [];
  return isFrozen(lines, pid);
}

/** A paused container is in a frozen cgroup: cgroups(7), of either version. */
async function isFrozen(
  lines: readonly string[],
  pid: number,
  reader?: Reader,
): Promise<boolean | undefined> {
  const of = async (folders: readonly string[], path: string | undefined, name: string) =>
    path && (await fileOfCgroup(folders, path, name, pid, reader));
  const state = await of(['/freezer'], pathIn(lines, 'freezer'), 'freezer.state');
  if (state) return state.trim() !== 'THAWED';
  const ofGroup = (name: string) => of(['', '/unified'], pathIn(lines, ''), name);
  const frozen = await ofGroup('cgroup.freeze');
  if (!frozen) return undefined;
  // What is frozen with a group above it, as systemd in a container is, shows in the events.
  return frozen.trim() === '1' || /^frozen 1$/m.test((await ofGroup('cgroup.events')) ?? '');
}

/**
 * Where we are in a cgroup namespace of our own, the path of others goes up from ours (`/../ID`). Then
 * it is that of the host's hierarchy if we are as deep as it goes up, and the process is in there. Below
 * another root there may be anything: it is read as all else there is, and not by this thread.
 */
async function fileOfCgroup(
  folders: readonly string[],
  path: string,
  name: string,
  pid: number,
  reader: Reader | undefined,
): Promise<string | undefined> {
  const up = /^(\/\.\.)+(?=\/|$)/.exec(path)?.[0];
  const ofRoot = (file: string) => reader?.text(`${reader.root}${file}`);
  const ways = reader === undefined || reader.root === '' ? [read] : [ofRoot, read];
  for (const readThere of ways) {
    for (const folder of folders) {
      const directory = `/sys/fs/cgroup${folder}${path.slice(up?.length ?? 0)}`;
      const isThere =
        up === undefined ||
        (await readThere(`${directory}/cgroup.procs`))?.split('\n').includes(`${pid}`);
      const text = isThere ? await readThere(`${directory}/${name}`) : undefined;
      if (text !== undefined) return text;
    }
  }
  return undefined;
}

/** Is there such a process, of somebody else, which our /proc does not show (its mount option hidepid)? */
export function isHidden(pid: number): boolean {
  if (binding.isOwnProc() !== 1) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function namespacesIn(files: ProcessFiles, host: Inodes): ContainerNamespaces | undefined {
  const inodes = [...inodesIn(files)];
  const all = inodes.map(([type, inode]) => [type, { inode, host: inode === host.get(type) }]);
  return all.length === 0 ? undefined : Object.fromEntries(all);
}

/** Without those of a type that this kernel has not, or that are not shown to us. */
function inodesIn(files: ProcessFiles): Inodes {
  const inodes = new Map<NamespaceType, number>();
  for (const { name } of kinds) {
    const link = textOf(files, `ns/${name}`);
    if (link !== undefined) inodes.set(name, Number(link.slice(name.length + 2, -1)));
  }
  return inodes;
}

/**
 * Is it in a user namespace that this user has made, or below one? Not so a process of the user's that is in none:
 * its root may be the host's, where whoever takes it for a container would change the host's files. undefined where
 * its user namespace is not shown to us, who are in another.
 */
function isOf(uid: number, files: ProcessFiles): boolean | undefined {
  if (files('owners') === errnos.EACCES) return undefined;
  return textOf(files, 'owners')?.split(' ').includes(`${uid}`) ?? false;
}
