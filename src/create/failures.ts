/** Failures of making namespaces: which step, of which type, and what to do. */
import { readFileSync } from 'node:fs';
import { errnos } from '../base/errnos.ts';
import { type Circumstances, failure, type NamespaceError } from '../base/errors.ts';
import { kinds, type NamespaceType } from '../base/namespace-types.ts';
import { bindCircumstances } from './bind.ts';
import type { Files } from './launcher-request.ts';

interface Step {
  readonly syscall: string;
  readonly type?: NamespaceType;
  advice?(errno: number): string | undefined;
}

const mapping = (helper: string) => (errno: number) =>
  errno === errnos.EPERM
    ? `without ${helper} in our own user namespace only our own id can be mapped`
    : errno === errnos.EINVAL
      ? 'the kernel takes no such map; user_namespaces(7)'
      : undefined;

const lending = (file: string) => () =>
  `it has refused: the ranges have to be lent to us in ${file}, and nothing else`;

const mounting = (errno: number) =>
  errno === errnos.EINVAL
    ? "our root directory is no mount point (a chroot): propagation: 'unchanged' leaves mounts as they are"
    : undefined;

/** enum create_step of native/launcher/create.h, in its order. */
const steps: readonly Step[] = [
  { syscall: 'open', advice: () => '/proc is needed, as proc(5) has it' },
  { syscall: 'clone', type: 'user' },
  {
    syscall: 'setresuid',
    type: 'user',
    advice: errno =>
      errno === errnos.EPERM ? 'options.owner needs CAP_SETUID and CAP_SETGID' : undefined,
  },
  {
    syscall: 'write',
    type: 'user',
    advice: errno =>
      errno === errnos.EPERM
        ? 'setgroups is denied in our own user namespace, and so in those below'
        : undefined,
  },
  { syscall: 'write', type: 'user', advice: mapping('CAP_SETUID') },
  {
    syscall: 'write',
    type: 'user',
    advice: errno =>
      errno === errnos.EPERM
        ? `${mapping('CAP_SETGID')(errno)}, and that with setgroups: 'deny' alone`
        : mapping('CAP_SETGID')(errno),
  },
  { syscall: 'newuidmap', type: 'user', advice: lending('/etc/subuid') },
  { syscall: 'newgidmap', type: 'user', advice: lending('/etc/subgid') },
  {
    syscall: 'write',
    type: 'time',
    advice: errno =>
      errno === errnos.ERANGE
        ? 'with this offset a clock would be below 0, or above 146 years'
        : undefined,
  },
  { syscall: 'sethostname', type: 'uts' },
  { syscall: 'setdomainname', type: 'uts' },
  { syscall: 'ioctl', type: 'net' },
  { syscall: 'mount', type: 'mnt', advice: mounting },
  { syscall: 'mount', type: 'mnt', advice: () => 'options.root has to be a directory' },
  { syscall: 'pivot_root', type: 'mnt' },
  { syscall: 'umount2', type: 'mnt' },
  {
    syscall: 'mount',
    type: 'mnt',
    advice: errno =>
      errno === errnos.EPERM
        ? 'a new /proc needs a new pid namespace that belongs to the same user namespace, and one that is wholly visible already (in a container, the engine has covered parts of it)'
        : errno === errnos.ENOENT
          ? 'options.mountProc needs a directory to mount it on'
          : undefined,
  },
  { syscall: 'mount', type: 'mnt', advice: () => 'binfmt_misc in user namespaces needs Linux 6.7' },
  { syscall: 'write', type: 'mnt', advice: () => 'binfmt_misc takes no such line' },
];

/** The `detail` of a failure whose step is `create`. */
export function stepFailure(errno: number, detail: number, at: Circumstances): NamespaceError {
  const { syscall, ...circumstances } = creationStep(errno, detail);
  return failure(errno, syscall, { ...at, ...circumstances });
}

/** Behind the steps, there is one for the file of each type. */
export const creationSteps: number = steps.length + kinds.length;

/** What `detail` says of a failure. */
export function creationStep(
  errno: number,
  detail: number,
  files: Files = {},
): Circumstances & { syscall: string } {
  const kept = kinds[detail - steps.length]?.name;
  if (kept !== undefined) return bindCircumstances(errno, kept, files[kept]);
  const { syscall, type, advice } = steps[detail] ?? { syscall: 'unshare' };
  return { syscall, type, advice: advice?.(errno) };
}

/** What to do where the kernel does not make namespaces of `types`. */
export function creationAdvice(errno: number, types: readonly NamespaceType[]): string | undefined {
  if (errno === errnos.EPERM) {
    if (!types.includes('user')) return 'CAP_SYS_ADMIN is missing: run as root, or create user too';
    return sysctlAdvice() ?? 'a process in a chroot, or without ids of its own, cannot create user';
  }
  if (errno !== errnos.ENOSPC) return undefined;
  const limits = types.map(type => {
    const path = `/proc/sys/user/max_${type}_namespaces`;
    return `${path} (${settingOf(path) ?? 'unreadable'})`;
  });
  const nested = types.filter(type => type === 'user' || type === 'pid');
  const levels = nested.length === 0 ? '' : `, or 32 levels of ${nested.join(' and ')}`;
  return `a limit is reached: ${limits.join(', ')}${levels}`;
}

const switches: readonly [path: string, refusing: string, wanted: string][] = [
  ['kernel/unprivileged_userns_clone', '0', '1'],
  ['kernel/apparmor_restrict_unprivileged_userns', '1', '0'],
];

/** Distributions have switches of their own for users' user namespaces. */
function sysctlAdvice(): string | undefined {
  for (const [path, refusing, wanted] of switches) {
    if (settingOf(`/proc/sys/${path}`) === refusing) {
      return `run as root, or set the sysctl ${path.replace('/', '.')} to ${wanted}`;
    }
  }
  return undefined;
}

function settingOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
