/** `linux-namespaces enter`: a program in namespaces of a process, with the options of nsenter(1). */

import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { kinds, type NamespaceType } from '../base/namespace-types.ts';
import { idMapIn } from '../base/proc.ts';
import { capabilityNames } from '../child/capabilities.ts';
import { openTarget, type Target } from '../target/target.ts';
import { type Given, type Options, readArguments, UsageError } from './arguments.ts';
import { type ProgramOptions, runProgram } from './program.ts';
import { targetOf } from './target-argument.ts';
import { fileOf, typeOptions, typeUsage } from './type-options.ts';

export const usage: string = `linux-namespaces enter -t PID|NAME [option...] [program [argument...]]

Runs a program (default: a shell) in namespaces of a process or a container.

  -t, --target PID|NAME   whose namespaces: a pid, or the name of a container
  -a, --all               all in which it differs from us
${typeUsage}
  --user-parent           the user namespace that owns the target's
  -S, --setuid UID        -G, --setgid GID       in numbers of the namespace, or 'follow'
  --preserve-credentials  keep uid and gid where user is joined
  --keep-caps             keep all capabilities where user is joined
  -r, --root[=DIR]        the target's root directory, or DIR
  -w, --wd[=DIR]          the target's working directory, or DIR of our file system
  -W, --wdns DIR          a working directory inside
  -e, --env               the target's environment, with -m or -r
  -c, --join-cgroup       the target's cgroups`;

const options = {
  target: { short: 't', value: true },
  all: { short: 'a' },
  ...typeOptions,
  'user-parent': {},
  setuid: { short: 'S', value: true },
  setgid: { short: 'G', value: true },
  'preserve-credentials': {},
  'keep-caps': {},
  root: { short: 'r', value: 'maybe' },
  wd: { short: 'w', value: 'maybe' },
  wdns: { short: 'W', value: true },
  env: { short: 'e' },
  'join-cgroup': { short: 'c' },
  'no-fork': { short: 'F' },
} as const satisfies Options;

type Enter = Given<typeof options>;

export async function main(args: readonly string[]): Promise<void> {
  const { given, rest } = readArguments(args, options);
  runProgram(rest, await optionsOf(given), { forward: true });
}

async function optionsOf(given: Enter): Promise<ProgramOptions> {
  const pid = given.target === undefined ? undefined : await targetOf(given.target);
  const chosen = kinds.map(kind => kind.name).filter(type => fileOf(given, type) !== undefined);
  const { target, namespaces } = joined(given, pid, chosen);
  const mnt = namespaces === 'all' || namespaces.includes('mnt');
  if (given['no-fork'] && chosen.includes('pid')) {
    throw new UsageError('--no-fork: with a pid namespace the program is always in it');
  }
  if (given.env && !mnt && given.root !== '') {
    // nsenter takes them: a program of ours would then run what the target likes, with our rights.
    throw new UsageError(
      '--env: the variables of the target are for its own programs: with --mount or --root',
    );
  }
  const unasked = given['preserve-credentials'] ? 'keep' : undefined;
  return {
    target,
    namespaces,
    userParent: given['user-parent'],
    uid: given.setuid === undefined ? unasked : idOf(given.setuid, 'uid', pid, chosen),
    gid: given.setgid === undefined ? unasked : idOf(given.setgid, 'gid', pid, chosen),
    capabilities: given['keep-caps'] && chosen.includes('user') ? capabilityNames : undefined,
    root: rootOf(given, mnt),
    cwd: directoryOf(given, pid, mnt),
    env: given.env ? 'target' : process.env,
    cgroup: given['join-cgroup'] ? 'target' : undefined,
    credentials: 'inherit',
    setsid: false,
  };
}

/** Whose namespaces: a process's, files', or of each some. */
function joined(
  given: Enter,
  pid: Target | undefined,
  chosen: readonly NamespaceType[],
): { target: Target | undefined; namespaces: NamespaceType[] | 'all' } {
  const files = chosen.filter(type => fileOf(given, type) !== '');
  const ofProcess = chosen.filter(type => fileOf(given, type) === '');
  if (pid === undefined && (ofProcess.length > 0 || given.all || files.length === 0)) {
    throw new UsageError('whose namespaces? --target PID, or a file: --net=/run/netns/blue');
  }
  if (files.length === 0) {
    if (given.all) return { target: pid, namespaces: 'all' };
    const { root, wd, env } = given;
    const others = [root, wd, env, given['user-parent'], given['join-cgroup']];
    if (chosen.length === 0 && others.every(value => value === undefined)) {
      throw new UsageError('which namespaces? --all, or some of -m -u -i -n -p -C -U -T');
    }
    return { target: pid, namespaces: [...chosen] };
  }
  const paths: Partial<Record<NamespaceType, string>> = {};
  for (const type of files) paths[type] = fileOf(given, type) as string;
  if (pid === undefined) return { target: paths, namespaces: files };
  // Held open until this process ends, so that another that gets its pid is not taken for it.
  const held = openTarget(pid, given.all ? 'all' : ofProcess);
  for (const type of held.types) paths[type] ??= `/proc/self/fd/${held.get(type)}`;
  return { target: paths, namespaces: Object.keys(paths) as NamespaceType[] };
}

/** DIR is of our file system, as with nsenter: with `mnt` joined that would be a way out of there. */
function rootOf(given: Enter, mnt: boolean): string | undefined {
  if (given.root === '') return 'target';
  if (given.root !== undefined && mnt) {
    throw new UsageError(
      '--root=DIR is of our file system: not with --mount, where --root is its own',
    );
  }
  return given.root ?? (mnt ? '/' : undefined);
}

function directoryOf(given: Enter, pid: Target | undefined, mnt: boolean): string | undefined {
  const moved = mnt || given.root !== undefined;
  if (given.wdns !== undefined) return given.wdns;
  if (given.wd === undefined) return undefined;
  if (given.wd !== '') {
    if (!moved) return given.wd;
    throw new UsageError('--wd=DIR is of our file system: inside another, --wdns DIR');
  }
  const link = `/proc/${pidOf(pid)}/cwd`;
  return moved ? readlinkSync(link) : link;
}

function pidOf(target: Target | undefined): number {
  if (typeof target === 'number') return target;
  const pid = (target as { pid?: unknown } | undefined)?.pid;
  if (typeof pid === 'number') return pid;
  throw new UsageError('this needs a process: --target PID');
}

/** A number, or `follow`: that of the target, as the user namespace of the program numbers it. */
function idOf(
  text: string,
  kind: 'uid' | 'gid',
  pid: Target | undefined,
  chosen: readonly NamespaceType[],
): number {
  if (/^\d+$/.test(text)) return Number(text);
  if (text !== 'follow') throw new UsageError(`a ${kind} is a number, or follow: ${text}`);
  const directory = `/proc/${pidOf(pid)}`;
  const id = statSync(directory)[kind];
  if (!chosen.includes('user')) return id;
  for (const [inside, outside, count] of idMapIn(
    readFileSync(`${directory}/${kind}_map`, 'utf8'),
  )) {
    if (id >= outside && id < outside + count) return inside + (id - outside);
  }
  throw new UsageError(`the ${kind} ${id} of the target has no number in its user namespace`);
}
