/** `linux-namespaces enter`: a program in namespaces of a process, with the options of nsenter(1). */
import { statSync } from 'node:fs';
import { binding } from '../base/binding.ts';
import { failure } from '../base/errors.ts';
import { kinds, type NamespaceType } from '../base/namespace-types.ts';
import { capabilityNames } from '../child/capabilities.ts';
import { openCwd } from '../child/source-process.ts';
import type { ContainerOptions } from '../containers/container.ts';
import type { Namespaces } from '../target/namespaces.ts';
import { type Owner, refuseSuccessor } from '../target/process-identity.ts';
import { type Given, readArguments, UsageError } from './arguments.ts';
import { numberOf } from './ids.ts';
import { type Choice, idInside, openJoined } from './joined.ts';
import { lookupOf, lookupOptions } from './lookup.ts';
import { type ProgramOptions, runProgram, type Waiting } from './program.ts';
import { hintOfFiles } from './program-hint.ts';
import type { Context } from './subcommand.ts';
import { processOf, targetOf } from './target-argument.ts';
import { absolute, fileOf, typeOptions } from './type-options.ts';
import type { Described, Usage } from './usage.ts';

/** As with nsenter, what is the target's counts before a number or a directory. */
const outlasts = (first: string | true) => first === true || first === 'follow';

const options = {
  target: {
    short: 't',
    value: true,
    many: true,
    placeholder: 'PID|NAME',
    about: 'whose namespaces: a pid, or the name of a container',
  },
  all: { short: 'a', about: 'all in which it differs from us' },
  ...typeOptions('maybe', type => `its ${type} namespace, or that of FILE`),
  'user-parent': { about: "the user namespace that owns the target's" },
  setuid: {
    short: 'S',
    value: true,
    placeholder: 'UID',
    about: "as this user, as the namespace numbers it; follow: the target's. With -U: 0",
    outlasts,
  },
  setgid: {
    short: 'G',
    value: true,
    placeholder: 'GID',
    about: 'as this group, in the same way',
    outlasts,
  },
  'preserve-credentials': { about: 'keeps uid, gid and groups where user is joined' },
  'keep-caps': { about: 'keeps all capabilities where user is joined' },
  root: {
    short: 'r',
    value: 'maybe',
    placeholder: 'DIR',
    about: "the target's root directory, or DIR",
    outlasts,
  },
  wd: {
    short: 'w',
    value: 'maybe',
    placeholder: 'DIR',
    about: "the target's working directory, or DIR of our file system",
    outlasts,
  },
  wdns: {
    short: 'W',
    value: true,
    equals: true,
    placeholder: 'DIR',
    about: 'a working directory inside',
  },
  env: { short: 'e', about: "the target's environment, with -m or -r" },
  'join-cgroup': { short: 'c', about: "the target's cgroups" },
  'no-fork': { short: 'F', about: 'the program is no child; not with a pid namespace' },
  // --root is nsenter's.
  directory: lookupOptions.directory,
} as const satisfies Described;

export const usage: Usage = {
  lines: ['-t PID|NAME [option...] [program [argument...]]'],
  about: [
    "Runs a program (default: a shell) in namespaces of a process or a container, with our rights and environment. For a program that runs as the container's own do: exec.",
  ],
  options,
  notes: [
    'ps and top show what /proc shows: with -p, that of the container is there with -m or -r.',
    "Where the host's root directory is not /: linux-namespaces --root DIR enter ...",
  ],
  examples: [
    ['linux-namespaces enter -t web -n ss -nltp', 'our ss in its network'],
    ['linux-namespaces enter -t 7238 -a -S follow -G follow sh', 'in all, as whom it runs'],
    ['linux-namespaces enter --net=/run/netns/blue ip addr', 'in that of a file'],
  ],
};

/** What options of the library are called here, for what it says of them. */
export const optionNames = {
  env: '--env',
  cwd: '--wd or --wdns',
  root: '--root',
  cgroup: '--join-cgroup',
} as const;

type Enter = Given<typeof options>;

export async function main(args: readonly string[], { lookup }: Context): Promise<void> {
  const line = readArguments(args, options);
  const { given, rest, after } = line;
  if (given.wd !== undefined && given.wdns !== undefined) {
    throw new UsageError('--wd and --wdns: one of them');
  }
  const ofLine = { directory: given.directory };
  const process = await processOfLine(given.target, lookupOf(lookup, ofLine));
  if (process === undefined && needsProcess(given)) {
    const { withoutTarget } = await import('./meant-line.ts');
    const before = args.slice(0, args.length - rest.length);
    const isOption = rest[1]?.startsWith('-');
    throw await withoutTarget(
      'whose namespaces?',
      '--target PID or NAME, or a file: --net=/run/netns/blue',
      {
        command: 'enter',
        lookup: [lookup, ofLine],
        options: choosesNothing(given) && !isOption ? [...before, '-a'] : before,
        rest,
      },
    );
  }
  const choice = choiceOf(given, process);
  const joined = openJoined(choice);
  const types = joined?.types ?? [];
  if (given['no-fork'] && types.includes('pid')) {
    throw new UsageError('--no-fork: with a pid namespace the program is always in it');
  }
  runProgram(
    { rest, after },
    await optionsOf(given, process, joined),
    {
      forward: true,
      optionNames,
      shellHint: ': exec takes one that is there, and debug one of ours',
      programHint: hintOfFiles(line, types.includes('mnt')),
      directory: given.wdns && `${given.wdns} inside`,
      ...directoriesOf(given, process, types.includes('mnt')),
    },
    { process },
  );
}

async function processOfLine(
  targets: readonly string[] = [],
  where: ContainerOptions,
): Promise<Owner | undefined> {
  const [target, ...more] = targets;
  if (more.length > 0) throw new UsageError(`one target, not ${targets.join(' and ')}`);
  return target === undefined ? undefined : processOf(await targetOf(target, where));
}

/** Files alone need none. */
function needsProcess(given: Enter): boolean {
  const files = kinds.map(({ name }) => fileOf(given, name));
  return (given.all ?? files.includes(true)) || files.every(file => file === undefined);
}

function choosesNothing(given: Enter): boolean {
  const { all, root, wd, env, 'user-parent': userParent, 'join-cgroup': cgroup } = given;
  const types = kinds.map(({ name }) => fileOf(given, name));
  return [all, root, wd, env, userParent, cgroup, ...types].every(value => value === undefined);
}

/** Which namespaces are meant. */
function choiceOf(given: Enter, process: Owner | undefined): Choice {
  const chosen = kinds.map(kind => kind.name).filter(type => fileOf(given, type) !== undefined);
  const ofProcess = chosen.filter(type => fileOf(given, type) === true);
  const files: Partial<Record<NamespaceType, string>> = {};
  for (const type of chosen) {
    const file = fileOf(given, type);
    if (typeof file === 'string') files[type] = file;
  }
  if (choosesNothing(given)) {
    throw new UsageError(
      'which namespaces? --all, or some of -m -u -i -n -p -C -U -T; for a shell in a container: exec -it',
    );
  }
  const { all, 'user-parent': userParent } = given;
  return { process, types: all ? 'all' : ofProcess, files, userParent: userParent === true };
}

async function optionsOf(
  given: Enter,
  whose: Owner | undefined,
  joined: Namespaces | undefined,
): Promise<ProgramOptions> {
  const types = joined?.types ?? [];
  const mnt = types.includes('mnt');
  const user = types.includes('user');
  const preserve = given['preserve-credentials'] === true;
  if (given.env && !mnt && given.root !== true) {
    // nsenter takes them: a program of ours would then run what the target likes, with our rights.
    throw new UsageError(
      '--env: the variables of the target are for its own programs: with --mount or --root',
    );
  }
  // As root of the user namespace, unless something else is asked for.
  const unasked = user ? (preserve ? 'keep' : 0) : undefined;
  const idOf = (text: string | undefined, kind: 'uid' | 'gid') =>
    text === undefined ? unasked : askedId(text, kind, whose, user ? joined : undefined);
  return {
    target: joined ?? whose,
    namespaces: types,
    uid: await idOf(given.setuid, 'uid'),
    gid: await idOf(given.setgid, 'gid'),
    keepGroups: given.setgid === undefined && (preserve || !user),
    capabilities: given['keep-caps'] && user ? capabilityNames : undefined,
    root: rootOf(given, mnt),
    cwd: named('wdns', given.wdns),
    env: given.env ? 'target' : process.env,
    cgroup: given['join-cgroup'] ? 'target' : undefined,
    credentials: 'inherit',
    setsid: false,
  };
}

/** DIR is of our file system, as with nsenter: with `mnt` joined that would be a way out of there. */
function rootOf({ root }: Enter, mnt: boolean): string | undefined {
  if (root === true) return 'target';
  if (root !== undefined && mnt) {
    throw new UsageError(
      '--root=DIR is of our file system: not with --mount, where --root is its own',
    );
  }
  return root === undefined ? (mnt ? '/' : undefined) : directory('root', root);
}

/**
 * What is named on our side of the namespaces is opened there, as by nsenter: inside, the way to it may be
 * covered, or closed to who has joined a user namespace.
 */
function directoriesOf(
  { root, wd }: Enter,
  whose: Owner | undefined,
  mnt: boolean,
): Pick<Waiting, 'cwdFd' | 'rootIsHere'> {
  const cwdFd = wd === undefined ? undefined : openDirectory(wd, whose, mnt || root !== undefined);
  if (typeof root !== 'string') return { cwdFd };
  try {
    process.chdir(root);
  } catch (error) {
    throw failure((error as { errno: number }).errno, 'chdir', { target: `--root=${root}` });
  }
  return { cwdFd, rootIsHere: true };
}

function openDirectory(wd: string | true, whose: Owner | undefined, isElsewhere: boolean): number {
  if (wd !== true && isElsewhere) {
    throw new UsageError('--wd=DIR is of our file system: inside another, --wdns DIR');
  }
  if (wd === true) return openCwd(requirePid(whose), whose);
  const fd = binding.openDirectory(directory('wd', wd));
  if (fd < 0) throw failure(fd, 'open', { target: `--wd=${wd}` });
  return fd;
}

function directory(option: string, path: string): string {
  return absolute(named(option, path));
}

function named<P extends string | undefined>(option: string, path: P): P {
  if (path === '') throw new UsageError(`--${option}= names no directory`);
  return path;
}

function requirePid(whose: Owner | undefined): number {
  if (whose?.pid !== undefined) return whose.pid;
  throw new UsageError('this needs a process: --target PID');
}

/** A number, or `follow`: that of the target, as the user namespace of the program numbers it. */
async function askedId(
  text: string,
  kind: 'uid' | 'gid',
  whose: Owner | undefined,
  inside: Namespaces | undefined,
): Promise<number> {
  const number = numberOf(text);
  if (number !== undefined) return number;
  if (text !== 'follow') throw new UsageError(`a ${kind} is a number, or follow: ${text}`);
  const pid = requirePid(whose);
  const id = statSync(`/proc/${pid}`)[kind];
  refuseSuccessor(pid, whose);
  return inside === undefined ? id : idInside(id, kind, inside, pid);
}
