/** Copies between inside and outside: the options, and asking a filter. */
import { constants } from 'node:fs';
import { join } from 'node:path';
import { throwIfAborted, untilAborted } from '../base/abort.ts';
import { invalidType, invalidValue } from '../base/errors.ts';
import type { Calls } from './calls.ts';
import { bytesOf, type CopyOptions, type InsidePath, optionsOf, shownAs } from './options.ts';

/** CopyFlags of native/root/tree.h. */
const flag = {
  in: 1,
  out: 0,
  owners: 2,
  special: 4,
  skip: 8,
  keep: 16,
  exclusive: 32,
  follow: 64,
  newTimes: 128,
  oneSystem: 256,
  flat: 512,
  clone: 1024,
  cloneOnly: 2048,
  auto: 4096,
  entry: 8192,
} as const;

/**
 * Of the command alone: the destination is the directory of the words and a name that they do not say, and what has
 * it may be a link that an earlier copy has brought. It is not followed, as none in a tree.
 */
export const asEntry: unique symbol = Symbol('asEntry');
type Given = CopyOptions & { readonly [asEntry]?: boolean };

const names = [
  'preserveOwners',
  'special',
  'progress',
  'signal',
  'filter',
  'force',
  'errorOnExist',
  'dereference',
  'preserveTimestamps',
  'mode',
  'recursive',
  'verbatimSymlinks',
  'oneFileSystem',
  'fileSystems',
] as const satisfies (keyof CopyOptions)[];

export async function copy(
  calls: Calls,
  direction: 'in' | 'out',
  from: InsidePath,
  to: InsidePath,
  options: Given | undefined,
): Promise<void> {
  if (typeof (options ?? {}) !== 'object') throw invalidType('options', 'an object', options);
  const { special, ...others } = { ...options };
  const all = optionsOf<CopyOptions>(options && (others as CopyOptions), {}, names);
  const { signal, progress, filter } = all;
  const path = direction === 'in' ? ours(from) : bytesOf(from, 'inside');
  const other = direction === 'in' ? bytesOf(to, 'inside') : ours(to);
  const entry = options?.[asEntry] ? flag.entry : 0;
  const flags = flag[direction] | entry | copyFlags({ ...all, special });
  for (const name of ['progress', 'filter'] as const) {
    const given = all[name];
    if (given !== undefined && typeof given !== 'function') {
      throw invalidType(`options.${name}`, 'of type function', given);
    }
  }
  const [source, destination] = [shownAs(from), shownAs(to)];
  if (filter !== undefined) {
    throwIfAborted(signal);
    if (!(await untilAborted(filter(source, destination), signal))) return;
  }
  await calls.call({
    operation: 'copy',
    syscall: 'cp',
    shown: source,
    shownOther: destination,
    path,
    other,
    numbers: [flags],
    fileSystems: all.fileSystems,
    signal,
    progress,
    ask: filter && (question => answer(question, filter, source, destination)),
    // As fs.cp names it; by COPYFILE_EXCL it is copyFile's own, EEXIST.
    exists: (flags & flag.keep) === 0 && all.force === false ? 'ERR_FS_CP_EEXIST' : undefined,
  });
}

/** But for the direction. */
export function copyFlags(options: CopyOptions): number {
  const { force, errorOnExist, preserveTimestamps, verbatimSymlinks, mode = 0 } = options;
  const { COPYFILE_EXCL, COPYFILE_FICLONE, COPYFILE_FICLONE_FORCE } = constants;
  if (verbatimSymlinks === (false as unknown)) {
    throw invalidValue('options.verbatimSymlinks', 'true: links are copied as they are', false);
  }
  if (typeof mode !== 'number') throw invalidType('options.mode', 'of type number', mode);
  if ((mode & ~(COPYFILE_EXCL | COPYFILE_FICLONE | COPYFILE_FICLONE_FORCE)) !== 0) {
    throw invalidValue('options.mode', 'made of the COPYFILE_ constants of fs', mode);
  }
  const keep = force === false && !errorOnExist;
  const exclusive = keep ? false : force === false || (mode & COPYFILE_EXCL) !== 0;
  const set: [boolean | undefined, number][] = [
    [options.preserveOwners, flag.owners],
    [keep, flag.keep],
    [exclusive, flag.exclusive],
    [options.dereference, flag.follow],
    [preserveTimestamps === false, flag.newTimes],
    [options.oneFileSystem, flag.oneSystem],
    [options.recursive === false, flag.flat],
    [(mode & COPYFILE_FICLONE) !== 0, flag.clone],
    [(mode & COPYFILE_FICLONE_FORCE) !== 0, flag.cloneOnly],
  ];
  const special = specialOf(options.special);
  return set.reduce((flags, [is, bit]) => (is ? flags | bit : flags), special);
}

function specialOf(special: unknown): number {
  if (special === undefined) return flag.auto;
  if (special === 'skip') return flag.skip;
  if (typeof special !== 'boolean') {
    throw invalidType('options.special', "of type boolean or 'skip'", special);
  }
  return special ? flag.special : 0;
}

/** native/root/tree.h says what the question is: a directory below the source, and names in it. */
async function answer(
  question: Buffer,
  filter: NonNullable<CopyOptions['filter']>,
  source: string,
  destination: string,
): Promise<Buffer> {
  const [below = '', ...entries] = question.toString().slice(0, -1).split('\0');
  const [from, to] = [join(source, below, '/'), join(destination, below, '/')];
  const verdicts = Buffer.alloc(entries.length);
  for (let i = 0; i < entries.length; i++) {
    const verdict = filter(from + entries[i], to + entries[i]);
    verdicts[i] = Number(Boolean(typeof verdict === 'boolean' ? verdict : await verdict));
  }
  return verdicts;
}

/** From our own working directory, as it is at the call. */
function ours(path: InsidePath): Buffer {
  const bytes = bytesOf(path, 'outside');
  if (bytes[0] === 0x2f || bytes.length === 0) return bytes;
  return Buffer.concat([Buffer.from(`${process.cwd()}/`), bytes]);
}
