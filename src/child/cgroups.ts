/**
 * The cgroups of a process, as files by which a child joins them: one in each hierarchy, of version 1 and
 * of version 2. cgroups(7), proc_pid_cgroup(5).
 */
import { binding } from '../base/binding.ts';
import { errnos } from '../base/errnos.ts';
import { failure } from '../base/errors.ts';
import { type Mount, mountsIn } from '../base/proc.ts';

/** An fd of a cgroup.procs, open for writing, and its path. */
export interface CgroupFile {
  readonly fd: number;
  readonly path: string;
}

interface Membership {
  /** `cpu,cpuacct`, `name=systemd`; of version 2 there is nothing to say. */
  readonly controllers: string;
  readonly path: string;
}

/** LAUNCH_CGROUPS of native/launcher/launch.h. */
const most = 32;

/**
 * Opens those in which the process is not where `ours` is: texts of /proc/PID/cgroup; `mounts` is
 * /proc/self/mountinfo. That of the freezer comes last: a child that is frozen in it has joined all others.
 */
export function openCgroups(
  pid: number,
  theirs: string,
  ours: string,
  mounts: string,
): CgroupFile[] {
  const own = new Map(membershipsIn(ours).map(({ controllers, path }) => [controllers, path]));
  const wanted = membershipsIn(theirs).filter(
    ({ controllers, path }) => own.get(controllers) !== path,
  );
  wanted.sort((a, b) => Number(freezes(a)) - Number(freezes(b)));
  const mounted = mountsIn(mounts);
  const files: CgroupFile[] = [];
  try {
    for (const membership of wanted) {
      const of = mounted.filter(mount => isOf(mount, membership));
      // One without controllers, which systemd or elogind keeps for itself elsewhere, limits nothing.
      if (of.length === 0 && membership.controllers.startsWith('name=')) continue;
      if (files.length === most) throw failure(errnos.E2BIG, 'open', { target: pid });
      files.push(open(pid, membership, of));
    }
    return files;
  } catch (error) {
    for (const { fd } of files) binding.close(fd);
    throw error;
  }
}

/** Only a newline ends a line, and only the first two colons part it: a path may have anything else in it. */
function membershipsIn(text: string): Membership[] {
  return text.split('\n').flatMap(line => {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/s.exec(line) ?? [];
    return controllers === undefined || path === undefined ? [] : [{ controllers, path }];
  });
}

function freezes({ controllers }: Membership): boolean {
  return controllers.split(',').includes('freezer');
}

function isOf({ system, options }: Mount, { controllers }: Membership): boolean {
  if (controllers === '') return system === 'cgroup2';
  return system === 'cgroup' && controllers.split(',').every(name => options.includes(name));
}

/** By the first of its mounts that shows it, and may be written to. */
function open(
  pid: number,
  { controllers, path }: Membership,
  mounts: readonly Mount[],
): CgroupFile {
  let failed: [errno: number, file: string] | undefined;
  for (const { root, point, device } of mounts) {
    const below = under(path, root);
    if (below === undefined) continue;
    const file = `${point}${below}/cgroup.procs`;
    const fd = binding.openForWriting(file);
    const wrong = fd >= 0 ? isElsewhere(fd, device) : fd;
    if (wrong === 0) return { fd, path: file };
    if (fd >= 0) binding.close(fd);
    failed ??= [wrong, file];
  }
  if (failed !== undefined) throw failure(failed[0], 'open', { target: failed[1] });
  const which = controllers === '' ? 'version 2' : controllers;
  const advice =
    mounts.length === 0
      ? `the hierarchy of ${which}, in which it has a cgroup of its own, is not mounted here`
      : `its cgroup in the hierarchy of ${which} is outside of what is mounted here: join it from the host's cgroup namespace`;
  throw failure(errnos.ENOENT, 'open', { target: pid, advice });
}

/** What is above the root of our cgroup namespace is shown with `/..`, and in the mount only if that begins there too. */
function under(path: string, root: string): string | undefined {
  const top = root === '/' ? '' : root;
  if (path !== top && !path.startsWith(`${top}/`)) return undefined;
  const below = path.slice(top.length);
  if (/^\/\.\.(\/|$)/.test(below)) return undefined;
  return below === '/' ? '' : below;
}

/** 0, or why it is not the file of that mount: something else is mounted on top. */
function isElsewhere(fd: number, device: number): number {
  const identity = binding.getInode(fd);
  if (typeof identity === 'number') return identity;
  return identity[1] === device ? 0 : errnos.ENOENT;
}
