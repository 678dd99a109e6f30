/** `linux-namespaces run`: a program in new namespaces, with the options of unshare(1). */
import { lstatSync, statSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { kinds, type NamespaceType } from '../base/namespace-types.ts';
import { capabilityNames } from '../child/capabilities.ts';
import type { IdMap, IdRule } from '../create/id-maps.ts';
import { type CreateOptions, typeOfOption } from '../create/options.ts';
import { type Given, type Options, readArguments, UsageError } from './arguments.ts';
import { type ProgramOptions, runProgram } from './program.ts';
import { fileOf, typeOptions, typeUsage } from './type-options.ts';

export const usage: string = `linux-namespaces run [option...] [program [argument...]]

Runs a program (default: a shell) in new namespaces; with FILE they stay, bound to it.

${typeUsage}
  -r, --map-root-user     -c, --map-current-user  --map-auto           --map-subids
  --map-user UID          --map-group GID
  --map-users RANGES      --map-groups RANGES     INSIDE:OUTSIDE:COUNT, auto, subids or all
  --setgroups allow|deny  --owner UID:GID         whose the user namespace is
  --keep-caps             keep all capabilities in the user namespace
  --mount-proc[=DIR]      a new /proc             --propagation private|shared|slave|unchanged
  -R, --root DIR          the root directory      -w, --wd DIR         the working directory
  -S, --setuid UID        -G, --setgid GID        in numbers of the namespace
  --monotonic SECONDS     --boottime SECONDS      offsets of the clocks
  --kill-child            the program is killed when this command ends
  -f, --fork              the program is a child, as with -p and -T anyway
  --forward-signals       and gets SIGINT and SIGTERM that are sent to this command`;

const options = {
  ...typeOptions,
  fork: { short: 'f' },
  'forward-signals': {},
  'kill-child': { value: 'maybe' },
  'mount-proc': { value: 'maybe' },
  propagation: { value: true },
  'map-root-user': { short: 'r' },
  'map-current-user': { short: 'c' },
  'map-auto': {},
  'map-subids': {},
  'map-user': { value: true },
  'map-group': { value: true },
  'map-users': { value: true, many: true },
  'map-groups': { value: true, many: true },
  setgroups: { value: true },
  owner: { value: true },
  'keep-caps': {},
  root: { short: 'R', value: true },
  wd: { short: 'w', value: true },
  setuid: { short: 'S', value: true },
  setgid: { short: 'G', value: true },
  monotonic: { value: true },
  boottime: { value: true },
} as const satisfies Options;

type Run = Given<typeof options>;

export async function main(args: readonly string[]): Promise<void> {
  const { given, rest } = readArguments(args, options);
  // As unshare(1): who waits is not ended by signals that it does not hand on.
  const fork = given.fork || given['forward-signals'] || given['kill-child'] !== undefined;
  const forward = given['forward-signals'];
  runProgram(rest, await optionsOf(given), { fork, forward });
}

async function optionsOf(given: Run): Promise<ProgramOptions> {
  const types = typesOf(given);
  const kept = types.filter(type => fileOf(given, type));
  const rest = types.filter(type => !kept.includes(type));
  const create = creation(given);
  const killed = given['kill-child'];
  if (killed && !/^(SIG)?KILL$/.test(killed)) {
    throw new UsageError(`--kill-child is by SIGKILL, not by ${killed}`);
  }
  return {
    ...(kept.length > 0 && { target: await keep(given, kept, create), namespaces: kept }),
    ...optionsFor(create, rest),
    ...(rest.length > 0 && { unshare: rest }),
    root: given.root,
    cwd: given.wd,
    uid: idOf(given.setuid),
    gid: idOf(given.setgid),
    capabilities: given['keep-caps'] ? capabilityNames : undefined,
    killOnParentExit: killed !== undefined,
    env: process.env,
    credentials: 'inherit',
    setsid: false,
  };
}

/** The new namespaces of these types, bound to the files that were named. */
async function keep(given: Run, kept: readonly NamespaceType[], create: CreateOptions) {
  // For those only: a program that runs in new ones without a file needs no handle.
  const [{ createNamespaces }, { bindTo }] = await Promise.all([
    import('../create/create.ts'),
    import('../create/bind.ts'),
  ]);
  const handle = await createNamespaces(kept, optionsFor(create, kept));
  for (const type of kept) {
    const file = fileOf(given, type) as string;
    // unshare(1) wants a file that is there, and covers it; bind() makes one, and covers nothing.
    if (isEmptyFile(file)) unlinkSync(file);
    bindTo(file, type, handle.fd(type));
  }
  return handle;
}

/** A namespace that is bound there is of a file system of its own, and has no size either. */
function isEmptyFile(path: string): boolean {
  const file = lstatSync(path, { throwIfNoEntry: false });
  return file?.isFile() === true && file.size === 0 && file.dev === statSync(dirname(path)).dev;
}

const implied: readonly [keyof Run, NamespaceType][] = [
  ['map-root-user', 'user'],
  ['map-current-user', 'user'],
  ['map-auto', 'user'],
  ['map-subids', 'user'],
  ['map-user', 'user'],
  ['map-group', 'user'],
  ['map-users', 'user'],
  ['map-groups', 'user'],
  ['mount-proc', 'mnt'],
];

function typesOf(given: Run): NamespaceType[] {
  const also = implied.filter(([name]) => given[name] !== undefined).map(([, type]) => type);
  return kinds
    .map(kind => kind.name)
    .filter(type => fileOf(given, type) !== undefined || also.includes(type));
}

function creation(given: Run): CreateOptions {
  const [uid, gid, ...more] = given.owner?.split(':').map(idOf) ?? [];
  if (given.owner !== undefined && (uid === undefined || gid === undefined || more.length > 0)) {
    throw new UsageError(`an owner is UID:GID: ${given.owner}`);
  }
  return {
    idMap: mapOf(given),
    setgroups: given.setgroups as CreateOptions['setgroups'],
    owner: uid === undefined || gid === undefined ? undefined : { uid, gid },
    monotonic: secondsOf(given.monotonic),
    boottime: secondsOf(given.boottime),
    propagation: given.propagation as CreateOptions['propagation'],
    mountProc: given['mount-proc'] === '' ? true : given['mount-proc'],
  };
}

/** Those that go with these types. */
function optionsFor(create: CreateOptions, types: readonly NamespaceType[]): CreateOptions {
  const entries = Object.entries(create) as [keyof CreateOptions, unknown][];
  return Object.fromEntries(
    entries.filter(([name, value]) => value !== undefined && types.includes(typeOfOption[name])),
  );
}

/** A single id wins over ranges, as with unshare. */
function mapOf(given: Run): IdMap | undefined {
  const both: IdRule[] = [];
  if (given['map-root-user']) both.push('root');
  if (given['map-current-user']) both.push('current');
  const ranges: IdRule[] = [];
  if (given['map-auto']) ranges.push('auto');
  if (given['map-subids']) ranges.push('subids');
  const rules = (single: string | undefined, list: readonly string[] = []) => {
    const all = [...(single === undefined ? both : [idOf(single) as number]), ...ranges];
    return [...all, ...list.map(ruleOf)];
  };
  const uid = rules(given['map-user'], given['map-users']);
  const gid = rules(given['map-group'], given['map-groups']);
  if (uid.length === 0 && gid.length === 0) return undefined;
  return { ...(uid.length > 0 && { uid }), ...(gid.length > 0 && { gid }) };
}

function ruleOf(text: string): IdRule {
  if (text === 'auto' || text === 'subids' || text === 'all') return text;
  // With commas as unshare before 2.39 had it: what is outside comes first.
  const parts = text.replace(/^(\d+),(\d+),/, '$2:$1:').split(':');
  const [inside, outside, length, ...more] = parts.map(idOf);
  if (inside === undefined || outside === undefined || length === undefined || more.length > 0) {
    throw new UsageError(`a range is INSIDE:OUTSIDE:COUNT, auto, subids or all: ${text}`);
  }
  return { inside, outside, length };
}

function idOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  throw new UsageError(`an id is a number: ${text}`);
}

function secondsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  throw new UsageError(`a number of seconds: ${text}`);
}
