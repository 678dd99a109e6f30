/**
 * The format of tar. This file alone knows the library for it, which is loaded when an archive is made or
 * read, and not before.
 */
import * as library from 'tar-stream';

/** What we use of the library, in words of our own: its types are not in this package. */
export interface Headers {
  readonly name: string;
  readonly size: number;
  readonly mtime: Date;
  /** null: not one of these. */
  readonly type?: keyof typeof types | null;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly devmajor?: number;
  readonly devminor?: number;
  readonly linkname?: string | null;
  readonly pax?: Readonly<Record<string, string>> | null;
}
interface Emitter {
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: string, listener: () => void): unknown;
  removeListener(event: string, listener: () => void): unknown;
  destroy(error?: Error | null): unknown;
  readonly destroyed: boolean;
}
export interface Sink extends Emitter {
  write(bytes: Uint8Array): boolean;
  end(): unknown;
}
type Done = (error?: Error | null) => void;
export interface Pack extends Emitter, AsyncIterable<Uint8Array> {
  entry(header: Headers, done?: Done): Sink;
  entry(header: Headers, content: Uint8Array, done?: Done): Sink;
  push(bytes: Uint8Array): boolean;
  finalize(): void;
}
export interface Entry extends AsyncIterable<Uint8Array> {
  readonly header: Headers;
}
export interface Parser extends Sink, AsyncIterable<Entry> {}

export const pack = library.pack as unknown as () => Pack;

/**
 * What is the library's own business, but that it takes all records of pax for UTF-8, and those of a global
 * header for nothing where an entry has none of its own.
 */
interface Internals {
  readonly _header: { readonly type: string };
  _pax: Records | null;
  _paxGlobal: Records | null;
  _decodeLongHeader(content: Uint8Array): void;
  _applyLongHeaders(): void;
}
type Records = Readonly<Record<string, string>>;

/** Names are given as characters that each stand for a byte. */
export const parse = (): Parser => {
  const options = { filenameEncoding: 'latin1', allowUnknownFormat: true };
  const parser = library.extract(options as object) as unknown as Parser & Internals;
  const { _decodeLongHeader: decode, _applyLongHeaders: apply } = parser;
  parser._decodeLongHeader = content => {
    const { type } = parser._header;
    const isGlobal = type === 'pax-global-header';
    if (!isGlobal && type !== 'pax-header') return decode.call(parser, content);
    const records = { ...parser._paxGlobal, ...recordsIn(content) };
    parser[isGlobal ? '_paxGlobal' : '_pax'] = records;
  };
  parser._applyLongHeaders = () => {
    parser._pax ??= parser._paxGlobal;
    apply.call(parser);
  };
  return parser;
};

const sparse = 'GNU.sparse.';
/** By the library, or below. Of a global header, every entry that follows has a copy. */
const used = new Set(['path', 'linkpath', 'size', 'uid', 'gid', 'mtime', sparse]);

/** pax(1): `LENGTH NAME=VALUE\n`. A value may be a name, of whatever bytes. */
function recordsIn(content: Uint8Array): Records {
  const records: [string, string][] = [];
  let rest = Buffer.from(content).toString('latin1');
  while (rest !== '' && !rest.startsWith('\0')) {
    const [start = '', length] = /^(\d{1,8}) /.exec(rest) ?? [];
    const end = Number(length) - 1;
    // Looked for in the record alone: all that is behind it, for each, may take hours.
    const record = rest.slice(start.length, end);
    const equals = record.indexOf('=');
    if (equals < 1 || rest[end] !== '\n') {
      throw new Error('Invalid tar header: it has no records of pax');
    }
    const name = record.slice(0, equals);
    const kept = name.startsWith(sparse) ? sparse : name;
    if (used.has(kept)) records.push([kept, record.slice(equals + 1)]);
    rest = rest.slice(end + 1);
  }
  return Object.fromEntries(records);
}

/** When there is room in it again, or it has been destroyed. */
export async function drained(sink: Emitter): Promise<void> {
  if (sink.destroyed) return;
  let done = () => {};
  await new Promise<void>(resolve => {
    done = resolve;
    for (const event of ['drain', 'close']) sink.on(event, done);
  });
  for (const event of ['drain', 'close']) sink.removeListener(event, done);
}

/** The types of entries that are understood. */
export const types = {
  file: true,
  'contiguous-file': true,
  directory: true,
  symlink: true,
  link: true,
  fifo: true,
  'character-device': true,
  'block-device': true,
} as const;

const block = 512; // bytes
const idMost = 0o777777; // that a header has digits for
const timeMost = 2 ** 31 - 1; // seconds

/** What there is to say of an entry. Names are bytes. */
export interface Said {
  readonly name: Buffer;
  readonly type: Exclude<keyof typeof types, 'contiguous-file'>;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. */
  readonly size: number;
  /** Seconds. */
  readonly mtime: number;
  readonly linkname?: Buffer | undefined;
  readonly major?: number;
  readonly minor?: number;
}

/**
 * The header for the library, and the blocks that go before it: for names that are no UTF-8. The library
 * writes an extended header with what is long or large in it, which would win over ours; so with such a
 * name all of that is ours.
 */
export function headerOf(said: Said): { header: Headers; before: Buffer[] } {
  const before: Buffer[] = [];
  const isOurs = ![said.name, said.linkname].every(bytes => isUtf8(bytes));
  const text = (bytes: Buffer, kind: 'L' | 'K') => {
    if (!isOurs) return bytes.toString();
    before.push(...ownEntry(kind, Buffer.concat([bytes, Buffer.alloc(1)])));
    return bytes
      .toString('latin1')
      .replace(/[^\x20-\x7e]/g, '_')
      .slice(-99);
  };
  const { type, mode, uid, gid, size, mtime } = said;
  // What the digits of a header cannot say.
  const pax = {
    ...(uid > idMost && { uid: `${uid}` }),
    ...(gid > idMost && { gid: `${gid}` }),
    ...((mtime < 0 || mtime > timeMost) && { mtime: `${mtime}` }),
  };
  const header: Headers = {
    name: text(said.name, 'L'),
    type,
    // A mode of 0 would be taken for none.
    mode: (mode & 0o7777) | 0o10000,
    uid: Math.min(uid, idMost),
    gid: Math.min(gid, idMost),
    size,
    mtime: new Date(1000 * Math.min(Math.max(mtime, 0), timeMost)),
    devmajor: said.major ?? 0,
    devminor: said.minor ?? 0,
    ...(said.linkname && { linkname: text(said.linkname, 'K') }),
  };
  if (Object.keys(pax).length === 0) return { header, before };
  if (before.length === 0) return { header: { ...header, pax }, before };
  const records = Object.entries(pax).map(([name, value]) => recordOf(` ${name}=${value}\n`));
  return { header, before: [...ownEntry('x', Buffer.from(records.join(''))), ...before] };
}

function isUtf8(bytes: Buffer | undefined): boolean {
  return bytes === undefined || Buffer.from(bytes.toString()).equals(bytes);
}

/** With its own length in front, of which the digits count. */
function recordOf(text: string): string {
  const digits = `${text.length}`.length;
  const length = text.length + digits;
  return `${length + Number(`${length}`.length > digits)}${text}`;
}

/**
 * L and K as GNU tar has them, and others read them: an entry of its own, whose content is the name. x: of
 * pax, whose content are records.
 */
function ownEntry(kind: 'L' | 'K' | 'x', content: Buffer): Buffer[] {
  const header = Buffer.alloc(block);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`;
  const fields: [number, string][] = [
    [0, kind === 'x' ? '././@PaxHeader' : '././@LongLink'],
    [100, octal(0o644, 7)],
    [108, octal(0, 7)],
    [116, octal(0, 7)],
    [124, octal(content.length, 11)],
    [136, octal(0, 11)],
    [148, ' '.repeat(8)],
    [156, kind],
    [257, kind === 'x' ? 'ustar\x0000' : 'ustar  \0'],
  ];
  for (const [at, text] of fields) header.write(text, at, 'latin1');
  const sum = header.reduce((all, byte) => all + byte, 0);
  header.write(octal(sum, 6), 148);
  return [header, content, Buffer.alloc(-content.length & (block - 1))];
}

/** What an entry that has been read says. `undefined`: it is of a kind that is not understood. */
export function saidBy(header: Headers): Said | undefined {
  const { type, name, linkname, size = 0, pax } = header;
  if (!type || !Object.hasOwn(types, type)) return undefined;
  if (Object.hasOwn(pax ?? {}, sparse)) return undefined;
  const said = {
    name: Buffer.from(name, 'latin1'),
    type: type === 'contiguous-file' ? 'file' : type,
    mode: header.mode ?? 0,
    uid: numberOf(pax?.['uid'], header.uid),
    gid: numberOf(pax?.['gid'], header.gid),
    size,
    mtime: numberOf(pax?.['mtime'], secondsOf(header.mtime)),
    linkname: linkname ? Buffer.from(linkname, 'latin1') : undefined,
    major: header.devmajor ?? 0,
    minor: header.devminor ?? 0,
  } as const;
  const { mode, uid, gid, major, minor } = said;
  // null: digits in base 256 that there are none of.
  if (!Number.isSafeInteger(size)) return undefined;
  const whole = [mode, uid, gid, major, minor].every(each => each >= 0 && each < 2 ** 32);
  return whole && Number.isFinite(said.mtime) ? said : undefined;
}

function numberOf(text: string | undefined, number = 0): number {
  return text === undefined ? number : Number(text);
}

/** The library takes the negative numbers of GNU tar, in two's complement, for one too many. */
function secondsOf(time: Date | undefined): number {
  const seconds = (time?.getTime() ?? 0) / 1000;
  return seconds < 0 ? seconds - 1 : seconds;
}
