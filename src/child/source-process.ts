/**
 * What a child takes from a process besides its namespaces: root, environment, cgroup, credentials.
 * Everything is read through one open directory of /proc, so from one process: reading on after its
 * death fails, and another that got its pid is never taken for it.
 */
import { readFileSync } from 'node:fs';
import { binding } from '../base/binding.ts';
import { errnos } from '../base/errnos.ts';
import { failure, type NamespaceError } from '../base/errors.ts';
import { goneAdvice, type IdMapLine, idMapIn, openProcess } from '../base/proc.ts';
import { directoryAt, lookAdvice, textAt } from '../base/waiting-files.ts';
import { userNamespaceOf } from '../target/process.ts';
import { refuseSuccessor } from '../target/process-identity.ts';
import { type Bounds, labelOf, limitsIn, ownLabel } from './bounds.ts';
import { type CgroupFile, openCgroups } from './cgroups.ts';
import { environmentIn } from './environ.ts';
import type { Pairs } from './environment.ts';
import { type Credentials, credentialsIn, rightsIn } from './status.ts';

/** An O_PATH fd of the working directory of a process, for the caller to close. */
export function openCwd(pid: number, target: unknown): number {
  const process = new SourceProcess(pid, false);
  try {
    refuseSuccessor(pid, target);
    return process.open('cwd');
  } finally {
    process.close();
  }
}

export class SourceProcess {
  readonly pid: number;
  readonly #directory: number;

  /** `isChild`: its pid is from the kernel, not from /proc. */
  constructor(pid: number, isChild: boolean) {
    this.pid = pid;
    this.#directory = openProcess(pid, isChild);
  }

  close(): void {
    binding.close(this.#directory);
  }

  /** An O_PATH fd of its root directory or its working directory, for the caller to close. */
  open(name: 'root' | 'cwd'): number {
    const fd = directoryAt(this.#directory, name);
    if (fd < 0) throw this.#failure(fd, 'open');
    return fd;
  }

  /** The environment that it was started with; proc_pid_environ(5). undefined: it has written over it. */
  environment(): Pairs | undefined {
    return environmentIn(this.#directory, (errno, advice) => this.#failure(errno, 'read', advice));
  }

  /** Files by which its cgroups are joined, for the caller to close. */
  openCgroups(): CgroupFile[] {
    const ours = readFileSync('/proc/thread-self/cgroup', 'utf8');
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
    return openCgroups(this.pid, this.#read('cgroup'), ours, mounts);
  }

  /**
   * For a child that joins the user namespace `joined` (an inode), in the numbers of that. Without, a
   * child stays in ours, `own`, where the capabilities that the target has in another are none.
   */
  credentials(joined: number | undefined, own: number): Credentials & Bounds {
    const before = joined ?? this.#userNamespace();
    const rights = rightsIn(this.#read('status'));
    const maps =
      joined === undefined
        ? undefined
        : { uid: this.#ranges('uid_map'), gid: this.#ranges('gid_map') };
    // The kernel reads the ids and then the capabilities: a change between the two is no moment of it.
    const again = rightsIn(this.#read('status'));
    // Last. A process that goes into a user namespace below has all capabilities there, and cannot
    // come back: setns(2) wants a right above that nobody has from below. So if it still is where it
    // was, it was there all the time. Threads cannot part in this (unshare(2), CLONE_NEWUSER).
    const user = this.#userNamespace();
    // What is ending has no umask any more (exit_fs, kernel/exit.c).
    if (!/^Umask:/m.test(again)) {
      throw failure(errnos.ESRCH, 'read', { target: this.pid, advice: goneAdvice(this.pid) });
    }
    if (again !== rights || user !== before) {
      const advice = 'its credentials have changed at this moment: try again';
      throw failure(errnos.EAGAIN, 'read', { target: this.pid, advice });
    }
    const theirs = credentialsIn(rights, this.pid, maps, joined !== undefined || user === own);
    return { ...theirs, ...this.#bounds() };
  }

  #bounds(): Bounds {
    const limits = limitsIn(this.#read('limits'));
    const label = labelOf(name => {
      if (ownLabel(name) === undefined) return undefined;
      const text = textAt(this.#directory, name);
      if (typeof text === 'string') return text;
      // No such module, or none at all.
      if (text === errnos.ENOENT || text === errnos.EINVAL) return undefined;
      throw this.#failure(text, 'read');
    });
    // Last: of a process that has ended meanwhile there is no file of a label, either.
    const oomScore = this.#read('oom_score_adj').trim();
    if (limits === undefined) throw this.#failure(errnos.ESRCH, 'read');
    return { limits, oomScore, label };
  }

  /** The inode of the one that it is in now. */
  #userNamespace(): number {
    return userNamespaceOf(this.pid, this.#directory);
  }

  /** Outside is in our numbers. */
  #ranges(file: 'uid_map' | 'gid_map'): IdMapLine[] {
    return idMapIn(this.#read(file));
  }

  #path(name: string): string {
    return `/proc/self/fd/${this.#directory}/${name}`;
  }

  /** Of what the kernel itself knows: none of these waits for the process. */
  #read(name: 'status' | 'cgroup' | 'uid_map' | 'gid_map' | 'limits' | 'oom_score_adj'): string {
    try {
      return readFileSync(this.#path(name), 'utf8');
    } catch (error) {
      const { errno } = error as NodeJS.ErrnoException;
      throw errno === undefined ? error : this.#failure(errno, 'open');
    }
  }

  #failure(errno: number, syscall: string, advice?: string): NamespaceError {
    const at = { target: this.pid };
    // The directory of a process that has ended is empty, the links of a zombie lead nowhere.
    if (errno === errnos.ENOENT || errno === errnos.ESRCH) {
      return failure(errnos.ESRCH, syscall, { ...at, advice: goneAdvice(this.pid) });
    }
    return failure(errno, syscall, { ...at, advice: advice ?? lookAdvice(errno) });
  }
}
