/** The options of the calls, and reading them: as Node reads those of its own functions. */
import { checkNames, namesOf } from '../base/check.ts';
import { invalidType, invalidValue } from '../base/errors.ts';
import { own } from '../base/own-properties.ts';
import { isBytes } from '../base/paths.ts';
import type { Progress } from './request.ts';

/** A path inside: from the root of the container on, with or without a slash at its beginning. */
export type InsidePath = string | Uint8Array;

export interface Abortable {
  /**
   * Ends the call early, with an `AbortError`. A call that hangs in a file system which never answers is
   * left behind: it keeps a thread until it is answered.
   */
  signal?: AbortSignal | undefined;
}
export interface Special {
  /**
   * Opens what is no file too: a FIFO, a device, a socket. Opening or reading one may block, or do
   * something. Default: refused, EINVAL.
   */
  special?: boolean | undefined;
}
export interface ChangeOptions extends Abortable {
  /**
   * File systems that hold no files but show the kernel's settings and state, on which something may be
   * changed all the same: their names as in /proc/filesystems, such as `['cgroup2']`. What is changed there may be
   * the whole machine's, whichever container it is seen in. Default: refused, EPERM.
   */
  fileSystems?: readonly string[] | undefined;
}
export interface ReadFileOptions extends ChangeOptions, Special {
  encoding?: BufferEncoding | null | undefined;
  flag?: string | number | undefined;
}
export interface WriteFileOptions extends ChangeOptions, Special {
  encoding?: BufferEncoding | null | undefined;
  flag?: string | number | undefined;
  mode?: number | string | undefined;
  /**
   * Writes a new file beside the old one, on disk, and lets it take the name: readers see the old content
   * or the new, whole. It keeps mode and owner of the old one. Default: false.
   */
  atomic?: boolean | undefined;
}
export interface ReaddirOptions extends Abortable {
  encoding?: BufferEncoding | 'buffer' | null | undefined;
  withFileTypes?: boolean | undefined;
  recursive?: boolean | undefined;
}
export interface StatOptions extends Abortable {
  bigint?: boolean | undefined;
}
export interface NameOptions extends Abortable {
  encoding?: BufferEncoding | 'buffer' | null | undefined;
}
export interface MkdirOptions extends ChangeOptions {
  recursive?: boolean | undefined;
  mode?: number | string | undefined;
}
export interface RmOptions extends ChangeOptions {
  recursive?: boolean | undefined;
  force?: boolean | undefined;
}
export interface OpenOptions extends ChangeOptions, Special {}
export interface CopyOptions extends ChangeOptions {
  /**
   * Keeps owners by their numbers: what is 33 inside is 33 outside, and the other way round, through
   * the maps of the container's user namespace; and with them the set-user-ID and set-group-ID bits,
   * and file capabilities. Default: false; copies then belong to us outside, and inside to the
   * container's root.
   */
  preserveOwners?: boolean | undefined;
  /**
   * FIFOs, devices and sockets: `true` makes them anew, `'skip'` leaves them out, `false` refuses them,
   * EINVAL. A device is not made in a user namespace other than ours, EPERM. Default: false; of the whole root of a container `'skip'`.
   */
  special?: boolean | 'skip' | undefined;
  /** Called now and then, and at the end. */
  progress?: ((progress: Progress) => void) | undefined;
  /** Whether an entry is copied, as in `fs.cp`: first the source itself. It may give a promise. */
  filter?: ((source: string, destination: string) => boolean | Promise<boolean>) | undefined;
  /** false: a file that is there already stays as it is, without an error. Default: true. */
  force?: boolean | undefined;
  /** With `force: false`: a file that is there already is an error, ERR_FS_CP_EEXIST. Default: false. */
  errorOnExist?: boolean | undefined;
  /** Copies what links lead to (in the container: from its root on). Default: false. */
  dereference?: boolean | undefined;
  /** Default: true, unlike in `fs.cp`. */
  preserveTimestamps?: boolean | undefined;
  /**
   * As of `fs.copyFile`: COPYFILE_EXCL, where a file that is there already is an error, EEXIST;
   * COPYFILE_FICLONE and COPYFILE_FICLONE_FORCE. Default: 0.
   */
  mode?: number | undefined;
  /** false: a directory is an error, ERR_FS_EISDIR. Default: true, unlike in `fs.cp`. */
  recursive?: boolean | undefined;
  /** Links are copied as they are: there is nothing but true. */
  verbatimSymlinks?: true | undefined;
  /** Stays on the file system of the source: of others, their mount points alone. Default: false. */
  oneFileSystem?: boolean | undefined;
}

export interface ArchiveOptions extends Abortable {
  /** As of copies; but sockets are left out by `true`, too, since archives have none. */
  special?: boolean | 'skip' | undefined;
  /** Stays on the file system of the directory: of others, their mount points alone. Default: false. */
  oneFileSystem?: boolean | undefined;
}
export interface ExtractOptions extends ChangeOptions {
  /** Owners by the numbers in the archive, as ids inside; and set-ID bits. Default: false. */
  preserveOwners?: boolean | undefined;
  /** FIFOs and devices, as of copies. Default: refused, EINVAL. */
  special?: boolean | 'skip' | undefined;
}

export function bytesOf(path: unknown, name = 'path'): Buffer {
  const isText = typeof path === 'string';
  if (!isText && !isBytes(path)) {
    throw invalidType(name, 'of type string or an instance of Buffer', path);
  }
  const bytes = isText
    ? Buffer.from(path)
    : Buffer.from(path.buffer, path.byteOffset, path.byteLength);
  if (bytes.includes(0)) {
    throw invalidValue(name, 'a string or Uint8Array without null bytes', path);
  }
  return bytes;
}

export function shownAs(path: InsidePath): string {
  return typeof path === 'string' ? path : bytesOf(path).toString();
}

/** `options` may be an encoding alone, as in Node. */
export function optionsOf<O extends object>(
  options: O | string | null | undefined,
  defaults: O,
  names?: readonly string[],
): O & { encoding?: unknown } {
  if (options === null || options === undefined) return own(defaults);
  const given = typeof options === 'string' ? { encoding: options } : options;
  if (typeof given !== 'object') throw invalidType('options', 'a string or an object', options);
  if (names !== undefined) checkNames(given, names);
  const all = own({ ...defaults, ...given }) as O & Record<string, unknown>;
  const { encoding, signal } = all as { encoding?: unknown; signal?: unknown };
  if (encoding !== undefined && encoding !== null && encoding !== 'buffer') {
    if (!Buffer.isEncoding(encoding as string)) {
      throw invalidValue('encoding', 'a known encoding', encoding);
    }
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalidType('options.signal', 'an instance of AbortSignal', signal);
  }
  for (const name of booleans) {
    const value = all[name];
    if (value !== undefined && typeof value !== 'boolean') {
      throw invalidType(`options.${name}`, 'of type boolean', value);
    }
  }
  const { fileSystems } = all as { fileSystems?: unknown };
  if (fileSystems !== undefined) checkSystems(fileSystems);
  return all;
}

function checkSystems(names: unknown): void {
  const wanted = 'an array of names of file systems';
  if (!Array.isArray(names)) throw invalidType('options.fileSystems', wanted, names);
  for (const name of names) {
    if (typeof name !== 'string') throw invalidType('options.fileSystems', wanted, names);
    if (name === '' || name.includes('\0'))
      throw invalidValue('options.fileSystems', wanted, names);
  }
}

const abortable = { signal: true };
const change = { ...abortable, fileSystems: true };
const opening = { ...change, special: true };
const content = { ...opening, encoding: true, flag: true };
/** What Node's streams on files take: their documented names, without what we put in their places. */
const stream = {
  ...opening,
  flags: true,
  encoding: true,
  mode: true,
  autoClose: true,
  emitClose: true,
  start: true,
  highWaterMark: true,
};

type Call =
  | 'readFile'
  | 'writeFile'
  | 'appendFile'
  | 'open'
  | 'createReadStream'
  | 'createWriteStream'
  | 'readdir'
  | 'stat'
  | 'name'
  | 'mkdir'
  | 'rm'
  | 'change'
  | 'exists';

/** The names of the options of each call. */
const known: Readonly<Record<Call, readonly string[]>> = {
  readFile: namesOf<ReadFileOptions>(content),
  writeFile: namesOf<WriteFileOptions>({ ...content, mode: true, atomic: true }),
  appendFile: namesOf<Omit<WriteFileOptions, 'atomic'>>({ ...content, mode: true }),
  open: namesOf<OpenOptions>(opening),
  createReadStream: [...Object.keys(stream), 'end'],
  createWriteStream: [...Object.keys(stream), 'flush'],
  readdir: namesOf<ReaddirOptions>({
    ...abortable,
    encoding: true,
    withFileTypes: true,
    recursive: true,
  }),
  stat: namesOf<StatOptions>({ ...abortable, bigint: true }),
  name: namesOf<NameOptions>({ ...abortable, encoding: true }),
  mkdir: namesOf<MkdirOptions>({ ...change, recursive: true, mode: true }),
  rm: namesOf<RmOptions>({ ...change, recursive: true, force: true }),
  change: namesOf<ChangeOptions>(change),
  exists: namesOf<Abortable>(abortable),
};

/** The options of a call: others than its own are refused. */
export function given<O extends object>(
  call: Call,
  options: O | string | null | undefined,
): O & { encoding?: unknown } {
  return optionsOf<O>(options, {} as O, known[call]);
}

const booleans = [
  'special',
  'atomic',
  'withFileTypes',
  'recursive',
  'force',
  'bigint',
  'preserveOwners',
  'errorOnExist',
  'dereference',
  'preserveTimestamps',
  'verbatimSymlinks',
  'oneFileSystem',
];

export function decoded(name: Buffer, encoding: unknown): string | Buffer {
  return encoding === 'buffer' ? name : name.toString((encoding ?? 'utf8') as BufferEncoding);
}
