/** Failures of making namespaces: which step, of which type, and what to do. */
import { errnos } from '../base/errnos.ts';
import { type Circumstances, failure, type NamespaceError } from '../base/errors.ts';
import { kinds, type NamespaceType } from '../base/namespace-types.ts';
import { own } from '../base/own-properties.ts';
import { isRoot } from '../base/own-rights.ts';
import { type Making, refusedInside } from './advice.ts';
import { bindCircumstances } from './bind.ts';
import type { MapProgram } from './id-maps.ts';
import type { Files } from './launcher-request.ts';
import { mappingAdvice } from './mapping-advice.ts';

interface Step {
  readonly syscall: string;
  readonly type?: NamespaceType;
  /** `words`: what the program has said that was to do it. */
  advice?(errno: number, words?: string): string | undefined;
}

const mapping = (helper: string) => (errno: number) =>
  errno === errnos.EPERM
    ? isRoot()
      ? 'our own user namespace does not know all of these ids (/proc/self/uid_map, gid_map), or CAP_SETUID and CAP_SETGID are missing in it'
      : `without ${helper} in our own user namespace only our own id can be mapped`
    : errno === errnos.EINVAL
      ? 'the kernel takes no such map; user_namespaces(7)'
      : undefined;

/** Whatever it has refused for, the launcher says EPERM. */
const mappingBy = (program: MapProgram) => (errno: number, words?: string) =>
  errno === errnos.EPERM ? mappingAdvice(program, words) : undefined;

const mounting = (errno: number) =>
  errno === errnos.EINVAL
    ? "our root directory is no mount point (a chroot): propagation: 'unchanged' leaves mounts as they are"
    : undefined;

const cloning = (errno: number) =>
  errno === errnos.ENOSYS
    ? 'options.tools needs Linux 5.12'
    : errno === errnos.EPERM
      ? 'options.tools needs CAP_SYS_ADMIN in our mount namespace, or in the user namespace that is joined'
      : errno === errnos.EINVAL
        ? "options.tools needs the target's mount namespace: mnt among options.namespaces"
        : undefined;

export const loopbackMissing =
  'options.loopback needs CAP_NET_ADMIN in the user namespace that owns the network, which is missing, as in a container (--cap-add NET_ADMIN)';

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
  { syscall: 'newuidmap', type: 'user', advice: mappingBy('newuidmap') },
  { syscall: 'newgidmap', type: 'user', advice: mappingBy('newgidmap') },
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
  {
    syscall: 'ioctl',
    type: 'net',
    advice: errno => (errno === errnos.EPERM ? loopbackMissing : undefined),
  },
  { syscall: 'mount', type: 'mnt', advice: mounting },
  {
    syscall: 'mount',
    type: 'mnt',
    advice: errno =>
      errno === errnos.EINVAL
        ? 'options.root has to be a directory of this mount namespace'
        : errno === errnos.EACCES || errno === errnos.EPERM
          ? undefined
          : 'options.root has to be a directory',
  },
  {
    syscall: 'pivot_root',
    type: 'mnt',
    advice: errno =>
      errno === errnos.EBUSY
        ? "options.root is the root directory already: leave it out, or say '/'"
        : undefined,
  },
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
  { syscall: 'open', type: 'mnt', advice: () => 'options.tools has to be a directory' },
  { syscall: 'open_tree', type: 'mnt', advice: cloning },
  { syscall: 'mount_setattr', type: 'mnt', advice: cloning },
  { syscall: 'open_tree', type: 'mnt', advice: cloning },
  { syscall: 'move_mount', type: 'mnt', advice: cloning },
  { syscall: 'openat', type: 'mnt', advice: cloning },
];

/** The `detail` of a failure whose step is `create`. */
export function stepFailure(
  errno: number,
  detail: number,
  at: Circumstances,
  making: Making,
  words = '',
): NamespaceError {
  const { syscall, ...circumstances } = creationStep(errno, detail, making, {}, words);
  return failure(errno, syscall, { ...at, ...circumstances });
}

/** Behind the steps, there is one for the file of each type. */
export const creationSteps: number = steps.length + kinds.length;

/** What `detail` says of a failure. `words`: of the program that was to map ids. */
export function creationStep(
  errno: number,
  detail: number,
  making: Making,
  files: Files = {},
  words = '',
): Circumstances & { syscall: string } {
  const kept = kinds[detail - steps.length]?.name;
  if (kept !== undefined) return bindCircumstances(errno, kept, own(files)[kept]);
  const { syscall, type, advice } = steps[detail] ?? { syscall: 'unshare' };
  const refused = words === '' ? refusedInside(errno, syscall, making) : undefined;
  return { syscall, type, advice: refused ?? advice?.(errno, words) };
}
