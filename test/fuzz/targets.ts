/**
 * What reads something that others wrote, and what has to be so whatever they wrote: by name a function
 * that takes any bytes, and throws where it is not. scripts/fuzz.mjs gives them made-up bytes, and
 * test/unit/fuzz-seeds.test.ts those that are kept in `corpus`. scripts/fuzz/bundle.mjs makes one module
 * of it, in which the addon is `addon.ts`, and files are those of `files` first.
 */
import { deepStrictEqual, throws } from 'node:assert';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { types } from 'node:util';
import v8 from 'node:v8';
import { binding } from '../../src/base/binding.ts';
import { NamespaceError } from '../../src/base/errors.ts';
import { startTimeOf } from '../../src/base/proc.ts';
import { SourceProcess } from '../../src/child/source-process.ts';
import { HelpWanted, readArguments, UsageError, VersionWanted } from '../../src/cli/arguments.ts';
import { listContainers } from '../../src/containers/list.ts';
import { checkIdMap, type IdMap, type IdRange, writeMaps } from '../../src/create/id-maps.ts';
import { listInterfaces } from '../../src/inspect/interfaces.ts';
import { listSockets } from '../../src/inspect/sockets.ts';
import { Calls } from '../../src/worker/calls.ts';
import { readClone } from '../../src/worker/clone.ts';
import { makeProtocol } from '../../src/worker/protocol.ts';
import { makePack, unpack } from '../../src/worker/thrown.ts';
import { archive, entries } from './archives.ts';
import { environment, filter, mapOptions } from './command.ts';
import { grpcAnswers } from './grpc.ts';
import { clonable, Input } from './input.ts';

export type Run = (bytes: Buffer) => void | Promise<void>;

/** In place of files, while an input is run: scripts/fuzz/bundle.mjs looks here. */
export const files: Map<string, string> = new Map();
globalThis.fuzzedFiles = files;

/** What the stand-in of the addon answers. */
const addon = binding as unknown as { answers: Uint8Array[]; opened: string };

class Violation extends Error {}

function violated(what: string, cause?: unknown): never {
  throw new Violation(what, { cause });
}

const isRefusal = (error: unknown) =>
  error instanceof TypeError &&
  /^ERR_INVALID_ARG_/.test(String((error as NodeJS.ErrnoException).code));

/** An Error of this realm, and not something that calls itself one. */
function checkError(error: unknown): void {
  if (!(error instanceof Error)) throw new Violation(`thrown was ${String(error)}`);
  const prototype = Object.getPrototypeOf(error);
  const own = [...classes, AggregateError, DOMException].map(one => one.prototype);
  // What Node throws itself has a class between.
  if (!own.includes(prototype) && !own.includes(Object.getPrototypeOf(prototype))) {
    throw new Violation('its prototype has been exchanged');
  }
}

/** Frames of a worker that may say anything, to calls that wait for an answer of each kind. */
async function frames(bytes: Buffer): Promise<void> {
  const calls = new Calls(makeProtocol(v8), 1 << 20, undefined, error => {
    checkError(error);
    calls.rejectAll(error);
  });
  const requests = ['settings', 'call', 'next', 'return'] as const;
  const waiting = requests.map((request, id) => calls.add(id, request));
  const receive = calls.receiver();
  // What was thrown inside may be anything; what is an Error is one of ours.
  const ended = waiting.map(call =>
    call.catch(error => {
      if (error instanceof Error) checkError(error);
    }),
  );
  for (const piece of new Input(bytes).pieces()) receive(Buffer.from(piece));
  calls.rejectAll(new Error('nothing more comes'));
  await Promise.all(ended);
}

/** What is sent arrives, in whatever pieces. */
function values(bytes: Buffer): void {
  const { encode, receiver, isPlain, most, views } = makeProtocol(v8);
  const input = new Input(bytes);
  const messages = Array.from({ length: 1 + input.below(3) }, () => ({
    kind: 'value' as const,
    id: input.below(200),
    value: clonable(input),
  }));
  const sent = Buffer.concat(
    messages.map(({ kind, id, value }) => encode(kind, id, value, isPlain(value), most)),
  );
  const heard: unknown[] = [];
  const read = (body: Buffer): unknown => {
    if (body.length === 0) return undefined;
    return body[0] === 0xff ? readClone(body, most, views) : JSON.parse(body.toString());
  };
  const receive = receiver({
    begin() {},
    hear: (kind, id, body) => heard.push({ kind, id, value: read(Buffer.from(body)) }),
  });
  const size = 1 + input.below(50);
  for (let at = 0; at < sent.length; at += size) receive(Buffer.from(sent.subarray(at, at + size)));
  deepStrictEqual(heard, messages);
}

const classes = [Error, TypeError, RangeError, SyntaxError, EvalError, URIError, ReferenceError];

function errorOf(input: Input, depth = 0): Error {
  const Class = classes[input.below(classes.length)] as typeof Error;
  const options = depth < 3 && input.below(3) === 0 ? { cause: errorOf(input, depth + 1) } : {};
  const error = new Class(input.text(), options);
  if (input.below(2) === 0)
    Object.defineProperty(error, 'name', { value: input.text(), configurable: true });
  for (let i = input.below(4); i > 0; i--) {
    const name = input.text();
    // As fields that are an error's anyway: those are compared by themselves.
    if (!['message', 'stack', 'cause', 'errors', ''].includes(name)) {
      Object.defineProperty(error, name, {
        value: clonable(input),
        enumerable: true,
        configurable: true,
      });
    }
  }
  return error;
}

/** What is thrown inside is thrown outside. */
function errors(bytes: Buffer): void {
  const pack = makePack(() => true, types.isNativeError);
  const error = errorOf(new Input(bytes));
  const same = (one: Error, other: unknown): void => {
    if (!(other instanceof Error)) violated(`an error became ${String(other)}`);
    if (one.name !== other.name || one.message !== other.message) {
      violated(`${one.name}: ${one.message} became ${other.name}: ${other.message}`);
    }
    if (one.cause instanceof Error) same(one.cause, other.cause);
  };
  same(error, unpack(v8.deserialize(v8.serialize(pack(error)))));
}

function rangeOf(input: Input): IdRange {
  const small = () => (input.below(4) === 0 ? input.number() : input.below(50));
  return { inside: small(), outside: small(), length: small() };
}

/** Lines that the kernel takes: no id twice, on either side. */
function idMaps(bytes: Buffer): void {
  const input = new Input(bytes);
  const words = ['root', 'current', 'auto', 'subids', 'all'] as const;
  const rule = () => {
    const kind = input.below(4);
    return kind === 0 ? words[input.below(5)] : kind === 1 ? input.number() : rangeOf(input);
  };
  const rules = () => Array.from({ length: input.below(5) }, rule);
  const map = [() => rules(), () => rule(), () => ({ uid: rules(), gid: rules() })][
    input.below(3)
  ]?.() as IdMap;
  const own = input.below(100);
  files.set('/etc/subuid', `${own}:${input.number()}:${input.number()}\n${input.text(60)}`);
  files.set('/etc/subgid', `0:100000:65536\n${own}:${input.word()}:${input.below(200)}\n`);
  files.set('/proc/self/uid_map', ` 0 ${input.word()} ${input.word()}\n 5 6 ${input.below(9)}\n`);
  files.set('/proc/self/gid_map', `${input.below(9)} ${input.word()} ${1 + input.below(99)}\n`);
  let maps: ReturnType<typeof writeMaps>;
  try {
    checkIdMap('options.idMap', map);
    maps = writeMaps(map, { uid: own, gid: own, inside: input.below(8) === 0 });
  } catch (error) {
    if (isRefusal(error) || error instanceof NamespaceError) return;
    throw error;
  }
  for (const written of [maps.uid, maps.gid]) checkLines(written?.text ?? '');
}

function checkLines(text: string): void {
  const lines = text
    .split('\n')
    .slice(0, -1)
    .map(line => line.split(' ').map(Number));
  if (text !== '' && !/^(\d+ \d+ \d+\n)*$/.test(text))
    violated(`no lines: ${JSON.stringify(text)}`);
  for (const [i, one] of lines.entries()) {
    const [inside = 0, outside = 0, length = 0] = one;
    if (length < 1 || Math.max(inside, outside) + length > 2 ** 32 - 1)
      violated(`out of range: ${one}`);
    for (const other of lines.slice(0, i)) {
      for (const side of [0, 1]) {
        const [a, b] = [one[side] as number, other[side] as number];
        if (a < b + (other[2] as number) && b < a + length) violated(`${one} and ${other} overlap`);
      }
    }
  }
}

const options = {
  all: { short: 'a' },
  net: { short: 'n', value: 'maybe' },
  network: {},
  target: { short: 't', value: true },
  map: { short: 'm', value: true, many: true },
  root: { short: 'r', value: 'maybe' },
} as const;

/** A command line: what it means, or what is wrong with it. */
function commandLine(bytes: Buffer): void {
  const args = bytes.toString().split('\0');
  try {
    const { given, rest } = readArguments(args, options);
    for (const name of Object.keys(given)) {
      if (!Object.hasOwn(options, name)) violated(`${name} is no option`);
    }
    if (rest.length > 0) deepStrictEqual(rest, args.slice(-rest.length));
    for (const value of given.map ?? []) {
      if (!args.some(word => word.includes(value))) violated(`${value} was not given`);
    }
  } catch (error) {
    if ([UsageError, HelpWanted, VersionWanted].some(one => error instanceof one)) return;
    throw error;
  }
}

/** As the kernel escapes what a process may call itself, seq_file.c. */
function escaped(text: string, characters: RegExp): string {
  return text.replace(characters, one => `\\${one.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

/** What /proc says of a process that chose its name, its environment, its cgroup and its mounts. */
function processFiles(bytes: Buffer): void {
  const [name = '', environ = '', cgroup = '', mount = ''] = bytes.toString('latin1').split('\xff');
  const comm = name.replaceAll('\0', '').slice(0, 15);
  const shown = comm.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  const path = `/${escaped(cgroup.replaceAll('\0', ''), /[ \t\n\\#]/g)}`;
  const point = `/${escaped(mount.replaceAll('\0', ''), /[ \t\n\\#]/g)}`;
  const contents = {
    'attr/current': `${comm} (enforce)\n`,
    'attr/apparmor/current': `${comm} (enforce)\n`,
    status: `Name:\t${shown}\nUmask:\t0027\nState:\tS (sleeping)\nTgid:\t7\nPid:\t7\nPPid:\t1\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nFDSize:\t64\nGroups:\t4 20 \nNStgid:\t7\nNSpid:\t7\nCapInh:\t0000000000000000\nCapPrm:\t000001ffffffffff\nCapEff:\t0000000000000001\nCapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t0\n`,
    environ,
    cgroup: `1:name=systemd:/x\n0::${path}\n`,
    limits: `Limit  Soft Limit  Hard Limit  Units\n${'Max of something          4711                 unlimited            units\n'.repeat(16)}`,
    oom_score_adj: '-17\n',
    stat: `7 (${comm}) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 99 1\n`,
  };
  for (const [file, text] of Object.entries(contents))
    files.set(`/proc/self/fd/1000/${file}`, text);
  files.set(
    '/proc/self/mountinfo',
    `22 1 0:1 / ${point} rw - tmpfs cgroup2 rw\n23 1 0:1 / ${point}/cgroup rw shared:1 - cgroup2 none rw\n`,
  );
  files.set('/proc/thread-self/cgroup', '1:name=systemd:/x\n0::/../ours\n');
  const target = new SourceProcess(7, false);
  const { uid, gid, groups, umask, noNewPrivs, capabilities } = target.credentials(undefined, 1);
  deepStrictEqual(
    [uid, gid, groups, umask, noNewPrivs],
    [[1, 2, 3], [5, 6, 7], [4, 20], 0o27, true],
  );
  deepStrictEqual([capabilities.effective, capabilities.inheritable], [1n, 0n]);
  addon.opened = '';
  const wanted = `${Buffer.from(`/${mount.replaceAll('\0', '')}`, 'latin1')}/cgroup`;
  if (/^\/\.\.(\/|$)/.test(path)) {
    throws(() => target.openCgroups(), { code: 'ENOENT' }); // above the root of our cgroup namespace
  } else {
    target.openCgroups();
    if (!addon.opened.startsWith(wanted)) violated(`${wanted} became ${addon.opened}`);
  }
  const pairs = target.environment()?.map(pair => pair.toString('latin1'));
  const written = environ.split('\0').filter(Boolean);
  if (pairs !== undefined) deepStrictEqual(pairs, written); // undefined: the first of them is none
  deepStrictEqual(startTimeOf(7), 4711);
}

/** A message as native code lets it through: of the length that it says, padded, and with its struct. */
function message(text: string): Buffer {
  const body = Buffer.from(text.padEnd(72, '\0'), 'latin1');
  const bytes = Buffer.alloc(16 + ((body.length + 3) & ~3));
  bytes.writeUInt32LE(16 + body.length);
  bytes.writeUInt16LE(16, 4);
  body.copy(bytes, 16);
  return bytes;
}

/** Bodies of messages, for each request some: the attributes in them are anything. */
async function netlink(bytes: Buffer): Promise<void> {
  const look = bytes[0] === 0x69 ? listInterfaces : listSockets;
  addon.answers = bytes
    .subarray(1)
    .toString('latin1')
    .split('\xff\xfe\xfd')
    .map(answer => Buffer.concat(answer.split('\xff\xfe\xfc').map(message)));
  try {
    const list = await look(process.pid);
    JSON.stringify(list, (_, value) => (typeof value === 'bigint' ? String(value) : value));
  } catch (error) {
    // An attribute that is shorter than its type, which no kernel sends.
    if (!(error instanceof NamespaceError) && !(error instanceof RangeError)) throw error;
  }
}

let folder: string | undefined;

/** State of engines: `{ path: content }` as JSON. What is wrong with it is among the problems. */
async function state(bytes: Buffer): Promise<void> {
  folder ??= mkdtempSync(join(tmpdir(), 'linux-namespaces-fuzz-'));
  const root = folder;
  let tree: unknown;
  try {
    tree = JSON.parse(bytes.toString());
  } catch {
    return;
  }
  try {
    for (const [path, content] of Object.entries(tree ?? {})) {
      const file = normalize(join('/', path));
      if (typeof content !== 'string' || file.includes('\0') || file.endsWith('/')) continue;
      try {
        mkdirSync(dirname(root + file), { recursive: true });
        writeFileSync(root + file, content);
      } catch {
        // a directory is there, or the name is too long
      }
    }
    const list = await listContainers({ root });
    for (const problem of list.problems) {
      if (!(problem instanceof NamespaceError)) violated('a problem is no NamespaceError', problem);
    }
    for (const { id, name, labels, annotations, created } of list) {
      if (typeof id !== 'string' || id === '' || typeof name !== 'string')
        violated(`its id is ${id}`);
      for (const texts of [labels, annotations]) {
        for (const text of Object.values(texts ?? {})) {
          if (typeof text !== 'string') violated('a label is no text');
        }
      }
      if (created !== undefined && Number.isNaN(created.getTime())) violated('no time');
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
    mkdirSync(root);
  }
}

export function clear(): void {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  folder = undefined;
}

export const targets: Readonly<Record<string, Run>> = {
  frames,
  values,
  errors,
  'id-maps': idMaps,
  'command-line': commandLine,
  'process-files': processFiles,
  netlink,
  state,
  'grpc-answers': grpcAnswers,
  archive,
  entries,
  filter,
  'map-options': async bytes => {
    const map = await mapOptions(bytes);
    if (map === undefined) return;
    try {
      checkIdMap('options.idMap', map);
      const { uid, gid } = writeMaps(map, { uid: 0, gid: 0, inside: false });
      for (const written of [uid, gid]) checkLines(written?.text ?? '');
    } catch (error) {
      if (!isRefusal(error) && !(error instanceof NamespaceError)) throw error;
    }
  },
  environment: bytes => environment(files, bytes),
};
