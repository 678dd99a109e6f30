/** `linux-namespaces run`: a program in new namespaces, with the options of unshare(1). */
import { realpathSync } from 'node:fs';
import { constants } from 'node:os';
import { kinds, type NamespaceType } from '../base/namespace-types.ts';
import { capabilityNames } from '../child/capabilities.ts';
import type { More } from '../child/plan.ts';
import { type CreateOptions, typeOfOption } from '../create/options.ts';
import { type Arguments, type Given, readArguments, UsageError } from './arguments.ts';
import { idOf } from './ids.ts';
import { mapOf, ownerOf } from './map-options.ts';
import { type ProgramOptions, runProgram } from './program.ts';
import { hintOfFile } from './program-hint.ts';
import { absolute, fileOf, typeOptions } from './type-options.ts';
import type { Described, Usage } from './usage.ts';

const options = {
  ...typeOptions('long', type => `a new ${type} namespace (kept, bound to FILE)`),
  fork: { short: 'f', about: 'the program is a child, as with -p anyway' },
  'forward-signals': {
    about: 'SIGINT and SIGTERM that are sent to this command go to the program',
  },
  'kill-child': {
    value: 'maybe',
    placeholder: 'SIGNAL',
    about: 'what the program gets when this command ends: SIGKILL',
  },
  'mount-proc': { value: 'maybe', placeholder: 'DIR', about: 'a new /proc' },
  'mount-binfmt': { value: 'maybe', placeholder: 'DIR', about: 'a new binfmt_misc' },
  'load-interp': { short: 'l', value: true, placeholder: 'LINE', about: 'is registered in it' },
  propagation: {
    value: true,
    placeholder: 'HOW',
    about: 'of the mounts: private (default), shared, slave or unchanged',
  },
  'map-root-user': { short: 'r', about: 'we are root inside' },
  'map-current-user': { short: 'c', about: 'we are ourselves inside' },
  'map-auto': { about: 'the ids that are lent to us, beside that' },
  'map-subids': { about: 'these by their own numbers' },
  'map-user': { value: true, placeholder: 'UID|NAME', about: 'we are this user inside' },
  'map-group': { value: true, placeholder: 'GID|NAME', about: 'and this group' },
  'map-users': {
    value: true,
    many: true,
    placeholder: 'RANGES',
    about: 'INSIDE:OUTSIDE:COUNT, auto, subids or all',
  },
  'map-groups': { value: true, many: true, placeholder: 'RANGES', about: 'the same for groups' },
  setgroups: { value: true, placeholder: 'allow|deny', about: 'setgroups(2) inside' },
  owner: { value: true, placeholder: 'UID:GID', about: 'whose the user namespace is' },
  'keep-caps': { about: 'keeps all capabilities in the user namespace' },
  root: { short: 'R', value: true, placeholder: 'DIR', about: 'the root directory' },
  wd: { short: 'w', value: true, placeholder: 'DIR', about: 'the working directory' },
  setuid: {
    short: 'S',
    value: true,
    placeholder: 'UID',
    about: 'as this user, as the namespace numbers it',
  },
  setgid: { short: 'G', value: true, placeholder: 'GID', about: 'as this group' },
  monotonic: { value: true, placeholder: 'SECONDS', about: 'the offset of that clock, with -T' },
  boottime: { value: true, placeholder: 'SECONDS', about: 'and of this one' },
  'clear-env': { about: 'no variables' },
  'whitelist-env': {
    value: true,
    many: true,
    placeholder: 'LIST',
    about: 'no variables but these',
  },
} as const satisfies Described;

export const usage: Usage = {
  lines: ['[option...] [program [argument...]]'],
  about: ['Runs a program (default: a shell) in new namespaces.'],
  options,
  examples: [
    [
      'linux-namespaces run -m -n -p --mount-proc sh',
      'with processes, mounts and network of its own',
    ],
    ['linux-namespaces run -r -n sh', 'as root of its own, without being root'],
    ['linux-namespaces run --net=/run/blue true', 'a network that stays'],
    ['linux-namespaces enter --net=/run/blue ip addr', 'is in it'],
    ['umount /run/blue && rm /run/blue', 'and removes it'],
  ],
};

/** What options of the library are called here, for what it says of them. */
export const optionNames = {
  idMap: 'the map of ids',
  owner: '--owner',
  setgroups: '--setgroups',
  propagation: '--propagation',
  mountProc: '--mount-proc',
  monotonic: '--monotonic',
  boottime: '--boottime',
  root: '--root',
  cwd: '--wd',
} as const;

type Run = Given<typeof options>;

export async function main(args: readonly string[]): Promise<void> {
  const line = readArguments(args, options);
  const { given } = line;
  const types = typesOf(given);
  // As unshare(1): who waits is not ended by signals that it does not hand on.
  const forward = given['forward-signals'];
  const fork = given.fork || forward || given['kill-child'] !== undefined;
  const programHint = hintOfFile(line);
  const directory = given.wd && given.root ? `${given.wd} in ${given.root}` : given.wd;
  const waiting = { fork, forward, programHint, directory, optionNames };
  runProgram(line, await optionsOf(line, types), waiting, moreOf(given));
}

async function optionsOf(
  { given, order }: Arguments<typeof options>,
  types: NamespaceType[],
): Promise<ProgramOptions> {
  const create = { ...creation(given), idMap: await mapOf(given, order) };
  const mnt = types.includes('mnt');
  if (given.wd === '') throw new UsageError('--wd= names no directory');
  const root = rootOf(given, mnt);
  if (root !== undefined && mnt && create.propagation === 'unchanged') {
    throw new UsageError('--propagation unchanged: not with --root, which has mounts of its own');
  }
  return {
    ...optionsFor(create, types),
    ...(types.length > 0 && { unshare: types }),
    root,
    // In the new root: unshare(1) goes to what is no absolute path from where we are, and so out of there.
    cwd: given.root === undefined ? given.wd : absolute(given.wd ?? '/', ''),
    uid: given.setuid === undefined ? undefined : idOf(given.setuid),
    gid: given.setgid === undefined ? undefined : idOf(given.setgid),
    keepGroups: given.setgid === undefined,
    capabilities: given['keep-caps'] && types.includes('user') ? capabilityNames : undefined,
    killOnParentExit: given['kill-child'] !== undefined,
    env: environmentOf(given),
    credentials: 'inherit',
    setsid: false,
  };
}

function moreOf(given: Run): More {
  const files: Partial<Record<NamespaceType, string>> = {};
  for (const { name } of kinds) {
    const file = fileOf(given, name);
    if (typeof file === 'string') files[name] = file;
  }
  const interp = given['load-interp'];
  const own = given['mount-binfmt'] ?? (interp === undefined ? undefined : true);
  const path =
    typeof own === 'string'
      ? insideOf(given, 'mount-binfmt', own)
      : own && '/proc/sys/fs/binfmt_misc';
  return {
    files,
    binfmt: path === undefined ? undefined : { path, interp },
    parentSignal: signalOf(given['kill-child']),
  };
}

const implied: readonly [keyof Run, ...NamespaceType[]][] = [
  ['map-root-user', 'user'],
  ['map-current-user', 'user'],
  ['map-auto', 'user'],
  ['map-subids', 'user'],
  ['map-user', 'user'],
  ['map-group', 'user'],
  ['map-users', 'user'],
  ['map-groups', 'user'],
  ['owner', 'user'],
  ['mount-proc', 'mnt'],
  ['mount-binfmt', 'mnt', 'user'],
  ['load-interp', 'mnt', 'user'],
];

function typesOf(given: Run): NamespaceType[] {
  const also = implied.flatMap(([name, ...types]) => (given[name] === undefined ? [] : types));
  return kinds
    .map(kind => kind.name)
    .filter(type => fileOf(given, type) !== undefined || also.includes(type));
}

function creation(given: Run): CreateOptions {
  const { setgroups, propagation } = given;
  const ownBinfmt = given['mount-binfmt'] === true || given['load-interp'] !== undefined;
  const proc = given['mount-proc'] ?? (ownBinfmt || undefined);
  const offsets = given.monotonic ?? given.boottime;
  if (offsets !== undefined && given.time === undefined) {
    throw new UsageError('--monotonic and --boottime are of a new time namespace: with --time');
  }
  if (setgroups === 'deny' && !typesOf(given).includes('user')) {
    throw new UsageError('--setgroups deny is for a new user namespace: with --user');
  }
  return {
    setgroups: oneOf('setgroups', setgroups, ['allow', 'deny']),
    owner: ownerOf(given.owner),
    monotonic: secondsOf(given.monotonic),
    boottime: secondsOf(given.boottime),
    propagation: oneOf('propagation', propagation, ['private', 'slave', 'shared', 'unchanged']),
    mountProc: typeof proc === 'string' ? insideOf(given, 'mount-proc', proc) : proc,
  };
}

function oneOf<const W extends string>(name: string, value: string | undefined, words: W[]) {
  if (value === undefined || words.includes(value as W)) return value as W | undefined;
  throw new UsageError(`--${name} is ${words.join(' or ')}: ${value}`);
}

/** Those that go with these types. */
function optionsFor(create: CreateOptions, types: readonly NamespaceType[]): CreateOptions {
  const entries = Object.entries(create) as [keyof CreateOptions, unknown][];
  return Object.fromEntries(
    entries.filter(([name, value]) => value !== undefined && types.includes(typeOfOption[name])),
  );
}

/** `/`, by whatever name, is our root already: pivot_root(2) would refuse it. */
function rootOf({ root }: Run, mnt: boolean): string | undefined {
  if (root === undefined) return undefined;
  if (root === '') throw new UsageError('--root= names no directory');
  try {
    if (mnt && realpathSync.native(root) === '/') return undefined;
  } catch {
    // said by what enters it
  }
  return absolute(root);
}

/** A directory that is named as the program will see it. */
function insideOf({ root, wd }: Run, name: string, path: string): string {
  if (path === '') throw new UsageError(`--${name}= names no directory`);
  const base = root === undefined ? undefined : '/';
  return absolute(path, wd === undefined ? base : absolute(wd, base));
}

function environmentOf(given: Run): NodeJS.ProcessEnv {
  const names = given['whitelist-env']?.flatMap(list => list.split(','));
  if (names === undefined) return given['clear-env'] ? {} : process.env;
  const all = Object.entries(process.env).filter(([name]) => names.includes(name));
  for (const [name, value] of all) {
    // What Node writes in the place of bytes that it cannot read.
    if (value?.includes('\ufffd')) throw new UsageError(`${name}: its value is no UTF-8`);
  }
  return Object.fromEntries(all);
}

/** SIGRTMIN and SIGRTMAX of the C library, which keeps 32 and 33 for itself: signal(7). */
const [realTimeLeast, realTimeMost] = [34, 64];

function signalOf(name: string | true | undefined): number | undefined {
  if (name === undefined || name === true) return undefined;
  // CLD is what System V calls it.
  const known: Readonly<Record<string, number>> = {
    ...constants.signals,
    SIGCLD: constants.signals.SIGCHLD,
  };
  const word = name.toUpperCase();
  const number = /^\d+$/.test(name)
    ? Number(name)
    : (known[word] ?? known[`SIG${word}`] ?? realTimeOf(word));
  if (number !== undefined && number >= 1 && number <= 64) return number;
  throw new UsageError(`--kill-child: no signal ${name}`);
}

/** `RTMIN+1`, `SIGRTMAX-2`; `RT3` is the same as `RTMIN+3`. */
function realTimeOf(word: string): number | undefined {
  const [, from, distance] = /^(?:SIG)?RT(MIN\+|MAX-)?(\d+)$/.exec(word) ?? [];
  if (distance === undefined) return undefined;
  const number =
    from === 'MAX-' ? realTimeMost - Number(distance) : realTimeLeast + Number(distance);
  return number >= realTimeLeast && number <= realTimeMost ? number : undefined;
}

function secondsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\s*[-+]?\d+(\.\d+)?$/.test(text)) return Number(text);
  throw new UsageError(`a number of seconds: ${text}`);
}
