/**
 * What a process lends to a child besides its namespaces: root, environment, cgroup, credentials.
 * Everything is read through one open directory of /proc, so from one process: reading on after its
 * death fails, and another that got its pid is never taken for it.
 */
import { readFileSync } from 'node:fs';
import { binding } from '../binding.ts';
import { errnos } from '../errnos.ts';
import { failure, type NamespaceError } from '../errors.ts';
import { type CapabilitySets, noCapabilities } from './capabilities.ts';

export interface Credentials {
  /** Real, effective, saved. */
  uid: number[];
  gid: number[];
  /** undefined: the same as ours. */
  groups: number[] | undefined;
  capabilities: CapabilitySets;
  noNewPrivs: boolean;
  umask: number;
}

export class TargetProcess {
  readonly pid: number;
  readonly #directory: number;

  constructor(pid: number) {
    this.pid = pid;
    this.#directory = binding.openDirectory(`/proc/${pid}`);
    if (this.#directory < 0) throw this.#failure(this.#directory, 'open');
  }

  close(): void {
    binding.close(this.#directory);
  }

  /** An O_PATH fd of its root directory, for the caller to close. */
  openRoot(): number {
    const fd = binding.openDirectory(this.#path('root'));
    if (fd < 0) throw this.#failure(fd, 'open');
    return fd;
  }

  /** The environment that it was started with; proc_pid_environ(5). */
  environment(): Record<string, string> {
    const env: Record<string, string> = {};
    for (const pair of this.#read('environ').split('\0')) {
      const equals = pair.indexOf('=');
      if (equals > 0) env[pair.slice(0, equals)] = pair.slice(equals + 1);
    }
    return env;
  }

  /** An fd for writing of its cgroup.procs in the cgroup2 tree, wherever that is mounted. */
  openCgroup(): number {
    const line = /^0::(.*)$/m.exec(this.#read('cgroup'));
    const path = line?.[1] && cgroupFile(line[1].replace(/ \(deleted\)$/, ''));
    const advice = 'the target is in no cgroup of version 2 that is mounted here';
    if (!path) throw failure(errnos.ENOENT, 'open', { target: this.pid, advice });
    const fd = binding.openForWriting(path);
    if (fd < 0) throw failure(fd, 'open', { target: path });
    return fd;
  }

  /**
   * As /proc shows them to us. With `inside`, in the numbers of its own user namespace, for a child
   * that joins it. Without, a child stays in ours, where the target's capabilities, if they hold in
   * another user namespace, are none.
   */
  credentials(inside: boolean, ownUser: boolean): Credentials {
    const status = this.#read('status');
    const field = (name: string) => fieldIn(status, name);
    const ids = (name: string) => idsIn(status, name);
    const bits = (name: string) => BigInt(`0x${field(name) || '0'}`);
    const uids = inside ? this.#translation('uid_map') : same;
    const gids = inside ? this.#translation('gid_map') : same;
    return {
      uid: ids('Uid').slice(0, 3).map(uids),
      gid: ids('Gid').slice(0, 3).map(gids),
      groups: sameGroups(ids('Groups')) ? undefined : ids('Groups').map(gids),
      capabilities:
        inside || ownUser
          ? {
              inheritable: bits('CapInh'),
              permitted: bits('CapPrm'),
              effective: bits('CapEff'),
              bounding: bits('CapBnd'),
              ambient: bits('CapAmb'),
            }
          : noCapabilities,
      noNewPrivs: field('NoNewPrivs') === '1',
      umask: Number.parseInt(field('Umask') || '022', 8),
    };
  }

  /** user_namespaces(7): lines of "inside outside length", outside in our numbers. */
  #translation(file: string): (id: number) => number {
    const ranges = this.#read(file)
      .split('\n')
      .map(line => line.trim().split(/\s+/).map(Number))
      .filter(range => range.length === 3) as [number, number, number][];
    return id => {
      for (const [inside, outside, length] of ranges) {
        if (id >= outside && id < outside + length) return inside + (id - outside);
      }
      const advice = `its id ${id} does not exist in its user namespace`;
      throw failure(errnos.EINVAL, 'setresuid', { type: 'user', target: this.pid, advice });
    };
  }

  #path(name: string): string {
    return `/proc/self/fd/${this.#directory}/${name}`;
  }

  #read(name: string): string {
    try {
      return readFileSync(this.#path(name), 'utf8');
    } catch (error) {
      throw this.#failure((error as NodeJS.ErrnoException).errno ?? errnos.ESRCH, 'open');
    }
  }

  #failure(errno: number, syscall: string): NamespaceError {
    // The directory of a process that has ended is empty, the links of a zombie lead nowhere.
    const gone = errno === errnos.ENOENT || errno === errnos.ESRCH;
    const advice = gone
      ? 'the process has exited'
      : errno === errnos.EACCES
        ? 'to look into a process of another user, CAP_SYS_PTRACE is needed in its user namespace: run as root or as its owner'
        : undefined;
    return failure(gone ? errnos.ESRCH : errno, syscall, { target: this.pid, advice });
  }
}

/** Those that have no number in its user namespace could not be set, but they can stay. */
function sameGroups(groups: readonly number[]): boolean {
  // Not process.getgroups(), which adds the group of the process.
  const own = idsIn(readFileSync('/proc/self/status', 'utf8'), 'Groups');
  return own.length === groups.length && groups.every(group => own.includes(group));
}

/** proc_pid_status(5) */
function fieldIn(status: string, name: string): string {
  return new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(status)?.[1] ?? '';
}

function idsIn(status: string, name: string): number[] {
  return fieldIn(status, name).split(/\s+/).filter(Boolean).map(Number);
}

function same(id: number): number {
  return id;
}

/** The file of a cgroup: cgroup2 may be mounted anywhere, and with only a part of its tree. */
function cgroupFile(path: string): string | undefined {
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const [mount = '', system = ''] = line.split(' - ');
    if (!system.startsWith('cgroup2 ')) continue;
    const [, , , root = '/', point = ''] = mount.split(' ').map(unescape);
    const below = root === '/' ? path : under(path, root);
    if (below !== undefined) return `${point}${below === '/' ? '' : below}/cgroup.procs`;
  }
  return undefined;
}

function under(path: string, root: string): string | undefined {
  if (path === root) return '/';
  return path.startsWith(`${root}/`) ? path.slice(root.length) : undefined;
}

/** proc_pid_mountinfo(5): space, tab, newline and backslash are written in octal. */
function unescape(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
