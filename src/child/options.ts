/** The options that we add to those of node:child_process: their types, and whether they make sense. */
import type {
  ExecFileOptions as NodeExecFileOptions,
  ExecOptions as NodeExecOptions,
  ForkOptions as NodeForkOptions,
  SpawnOptions as NodeSpawnOptions,
} from 'node:child_process';
import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkBoolean } from '../base/check.ts';
import { checkTypeList, checkTypes, invalidType, invalidValue } from '../base/errors.ts';
import { kinds, type NamespaceType, type Types } from '../base/namespace-types.ts';
import { own as ownOf } from '../base/own-properties.ts';
import { isUrl } from '../base/paths.ts';
import { type CreateOptions, checkCreateOptions, createOptions, isId } from '../create/options.ts';
import type { Target } from '../target/target.ts';
import type { Capability } from './capabilities.ts';
import { type CheckedTerminal, checkTerminal, type TerminalOptions } from './terminal-options.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Whose rights something runs with: those of the target, or ours. */
export type Credentials = 'target' | 'inherit';

/** Where a child runs, and as whom; with `unshare`, what the new namespaces are like. */
export interface ChildPlace extends CreateOptions {
  /** Whose namespaces to join. */
  target?: Target | undefined;
  /**
   * Which of the target's. Default with a target: `'all'`, those in which it differs from us. An empty
   * list joins none, for the options that only take something else from the target.
   */
  namespaces?: Types | undefined;
  /** New namespaces, made after the others were joined. */
  unshare?: readonly NamespaceType[] | undefined;
  /**
   * In place of the target's user namespace, that which owns it: its parent. For a process that went
   * one level deeper than what it works on (bubblewrap).
   */
  userParent?: boolean | undefined;
  /**
   * The root directory: that of the target, or an absolute path, resolved in the joined mount
   * namespace. Default: with `mnt` joined the target's, otherwise ours. With a new mount namespace, a
   * path becomes its root by pivot_root(2), so that nothing of the old one can be reached.
   */
  root?: 'target' | string | URL | undefined;
  /**
   * Programs of ours, where the target has none: `true` for this machine's /usr, or the path of a
   * directory that holds a root file system, of which its programs are taken. The child gets a root of
   * its own, in memory: with the programs read-only and nosuid, the root of the target at /container, its
   * /proc and /sys with what its engine has covered in them, and copies of its hosts, hostname,
   * resolv.conf, passwd and group. Nobody else sees it, but for who may trace the child. Default of
   * `credentials`: `'target'`, and CAP_SYS_PTRACE with `pid` joined, CAP_NET_ADMIN and CAP_NET_RAW with
   * `net`. Not with `root`, `mountProc`, `propagation` or `env: 'target'`. Linux 5.12.
   */
  tools?: boolean | string | URL | undefined;
  /**
   * The environment: an object, `'target'` for the one that the target was started with, or a list of
   * these of which later ones win. The target's byte for byte, UTF-8 or not, with names that are there
   * twice; where its process has written over it (setproctitle(3): nginx, postgres), that which the
   * engine of a `Container` gave it, otherwise just a PATH. Default: with `mnt` joined the target's (for
   * a target that is no process just a PATH), otherwise ours. The target's only with its `mnt` or root: with its
   * variables, programs of ours would run its code. At most 2 MiB (E2BIG), within a second (ETIMEDOUT).
   */
  env?: 'target' | Environment | readonly ('target' | Environment)[] | null | undefined;
  /**
   * Joins the cgroups of the target, in every hierarchy that is mounted, of version 1 and 2; before new
   * namespaces are made, so that they are the root of a new cgroup namespace. Default: it stays in ours, where an
   * engine's rules for devices do not hold: a program of the image may open the machine's disk.
   */
  cgroup?: 'target' | undefined;
  /** A session of its own, without a terminal. Default: with `mnt` joined or `root` given. */
  setsid?: boolean | undefined;
  /** In the numbers of the user namespace that the child is in; never -1. Default: 0 where `user` is joined. */
  uid?: number | undefined;
  /** As `uid`. */
  gid?: number | undefined;
  /** The supplementary groups. Default: none with `uid`, `gid` or `user` joined, otherwise as `credentials` says. */
  groups?: readonly number[] | undefined;
  /** Exactly these, whatever the uid, and no way to others. Needs CAP_SETPCAP. */
  capabilities?: readonly Capability[] | undefined;
  /** No program can give more rights than the child has; PR_SET_NO_NEW_PRIVS. */
  noNewPrivs?: boolean | undefined;
  /**
   * As whom it runs. `'target'`: uid, gid, groups, the five capability sets, no_new_privs and umask as
   * the target has them, so that the child has no more rights than what runs there already; and a
   * session keyring of its own (keyrings(7)), as ours is not the target's. All of one moment: EAGAIN
   * where they change meanwhile. `uid`, `gid`, `groups`, `capabilities` and `noNewPrivs` beside it
   * replace those parts. With them come
   * limits of resources, oom_score_adj and the label of a security module (which fails closed), but in a
   * worker. Not taken along: seccomp filters.
   * `'inherit'`: as this process, within the namespaces that were joined.
   *
   * Default: `'target'` with the `mnt` of a process, where the program is a file of its image;
   * otherwise, and with `userParent`, `'inherit'`.
   */
  credentials?: Credentials | undefined;
  /** Kills the child (SIGKILL) when this process ends, however it ends. */
  killOnParentExit?: boolean | undefined;
}

type Placed<O> = Omit<O, keyof ChildPlace> & ChildPlace;

export interface SpawnOptions extends Placed<NodeSpawnOptions> {
  /**
   * A terminal as stdin, stdout and stderr, and that of a session of the program's own: of the devpts
   * that the program sees, so that it has a name inside; ours where there is none. `child.terminal` is
   * our end; `child.stdin`, `stdout` and `stderr` are null. Not beside `stdio`.
   */
  terminal?: boolean | TerminalOptions | undefined;
}
export interface ExecOptions extends Placed<NodeExecOptions> {
  encoding?: string | null | undefined;
}
export interface ExecFileOptions extends Placed<NodeExecFileOptions> {
  encoding?: string | null | undefined;
}
export interface ForkOptions extends Placed<NodeForkOptions> {}

/** What is ours in the options, without what is Node's too (uid, gid, env). */
export type Own = Omit<ChildPlace, 'uid' | 'gid' | 'env' | 'namespaces' | 'root' | 'tools'> & {
  /** The directory that has them. */
  tools: string | undefined;
  terminal: CheckedTerminal | undefined;
  namespaces: Types;
  root: 'target' | string | undefined;
};

const placing = [
  'target',
  'namespaces',
  'unshare',
  'userParent',
  'root',
  'tools',
  'cgroup',
  'setsid',
  'groups',
  'capabilities',
  'noNewPrivs',
  'credentials',
  'killOnParentExit',
  'terminal',
] as const;
const ours: ReadonlySet<string> = new Set([...placing, ...createOptions]);
type Ours = (typeof placing)[number] | keyof CreateOptions;

/** Parts them: ours, checked, and a copy of Node's, which Node checks. */
export function part<O extends ChildPlace>(options: O): { own: Own; nodes: Omit<O, Ours> } {
  const nodes: Record<string, unknown> = ownOf({});
  const own: Record<string, unknown> = ownOf({});
  for (const [name, value] of Object.entries(options)) {
    if (ours.has(name)) own[name] = value;
    else nodes[name] = value;
  }
  return { own: check(own as ChildPlace), nodes: nodes as never };
}

function check(own: Pick<SpawnOptions, Ours>): Own {
  const { target, namespaces, unshare, groups, credentials, userParent } = own;
  for (const name of ['userParent', 'setsid', 'noNewPrivs', 'killOnParentExit'] as const) {
    const value = own[name];
    if (value !== undefined) checkBoolean(`options.${name}`, value);
  }
  if (own.cgroup !== undefined && own.cgroup !== 'target') {
    throw invalidValue('options.cgroup', "'target'", own.cgroup);
  }
  checkCredentials(credentials);
  if (target === undefined) {
    for (const name of ['namespaces', 'userParent', 'cgroup', 'credentials'] as const) {
      const value = own[name];
      if (value !== undefined && value !== false && value !== 'inherit') {
        throw invalidValue(`options.${name}`, 'left out without a target', value);
      }
    }
  }
  if (unshare !== undefined) checkTypeList(unshare, 'options.unshare');
  checkCreateOptions(own, unshare ?? []);
  if (own.root !== undefined && own.propagation === 'unchanged') {
    throw invalidValue('options.propagation', "not 'unchanged' with a root", own.propagation);
  }
  // A hole in it, which every() passes over, would be group 0.
  if (groups !== undefined && !(Array.isArray(groups) && [...groups].every(isId))) {
    throw invalidType('options.groups', 'an array of ids', groups);
  }
  // In the user namespace above its own, the target has none to give.
  if (credentials === 'target' && userParent) {
    throw invalidValue('options.userParent', "left out with credentials: 'target'", userParent);
  }
  const none = target === undefined || (Array.isArray(namespaces) && namespaces.length === 0);
  const tools = checkTools(own);
  return Object.assign(own, {
    tools,
    // The mounts of the tools are nobody else's.
    unshare: tools === undefined ? unshare : [...new Set([...(unshare ?? []), 'mnt' as const])],
    namespaces: none
      ? []
      : checkTypes(namespaces === undefined ? 'all' : namespaces, 'options.namespaces'),
    root: checkRoot(own.root, target),
    terminal: checkTerminal(own.terminal),
  });
}

export function checkCredentials(value: unknown): asserts value is Credentials | undefined {
  if (value === undefined || value === 'target' || value === 'inherit') return;
  const advice = value === 'ours' ? ": it is called 'inherit'" : '';
  throw invalidValue('options.credentials', `'target' or 'inherit'${advice}`, value);
}

/** A uid or gid as Node takes them: its numbers are of 32 bits with a sign, and -1 is the one for none. */
export function isSettable(id: unknown): boolean {
  return (
    Number.isInteger(id) &&
    id !== -1 &&
    (id as number) >= -(2 ** 31) &&
    (id as number) < 2 ** 32 - 1
  );
}

function checkTools(own: Pick<SpawnOptions, Ours>): string | undefined {
  const { tools } = own;
  if (tools === undefined || tools === false) return undefined;
  const path = tools === true ? '/' : isUrl(tools) ? fileURLToPath(tools) : tools;
  if (typeof path !== 'string') throw invalidType('options.tools', 'true or a path', tools);
  if (!isAbsolute(path) || path.includes('\0')) {
    throw invalidValue('options.tools', 'true or an absolute path', tools);
  }
  if (own.target === undefined) {
    throw invalidValue('options.tools', 'left out without a target', tools);
  }
  for (const name of ['root', 'mountProc', 'propagation', 'userParent'] as const) {
    const value = own[name];
    if (value === undefined || value === false) continue;
    throw invalidValue(`options.${name}`, 'left out with tools', value);
  }
  return path;
}

function checkRoot(root: unknown, target: Target | undefined): string | undefined {
  if (root === undefined) return undefined;
  const path = isUrl(root) ? fileURLToPath(root) : root;
  if (path === 'target' && target !== undefined) return path;
  if (typeof path !== 'string') throw invalidType('options.root', "'target' or a path", root);
  if (isAbsolute(path) && !path.includes('\0')) return path;
  throw invalidValue('options.root', "an absolute path, or 'target' with a target", root);
}

/** The types in the order of the one table. */
export function ordered(types: readonly NamespaceType[]): NamespaceType[] {
  return kinds.map(kind => kind.name).filter(name => types.includes(name));
}
