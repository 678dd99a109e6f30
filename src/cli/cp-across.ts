/**
 * `cp` from one container to another: what goes into a new file or a tree by an archive, so that nothing is
 * kept here. It is put where a copy from here would be, by the rules of native/root/copy_destination.cc.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type BigIntStats, constants } from 'node:fs';
import { errnos } from '../base/errnos.ts';
import { fileFailure } from '../base/errors.ts';
import type { ContainerRoot } from '../root/container-root.ts';
import type { CopyOptions } from '../root/options.ts';
import type { Shown } from './copy-progress.ts';

interface Options extends CopyOptions {
  readonly shown: Shown;
  /** As `asEntry` of copies: a link that has the name is not followed. */
  readonly isEntry: boolean;
}

/** One copy, from `source` to `path` in `target`, its own. */
interface Across {
  readonly source: ContainerRoot;
  readonly from: Buffer;
  readonly target: ContainerRoot;
  readonly path: Buffer;
  readonly options: Options;
}

export async function copyAcross(
  source: ContainerRoot,
  from: Buffer,
  target: ContainerRoot,
  path: Buffer,
  options: Options,
): Promise<void> {
  const found = await source.lstat(from, { bigint: true });
  const copy: Across = { source, from, target, path, options };
  await (found.isDirectory() ? copyTree(copy, found) : copyFile(copy, found));
}

async function copyTree(copy: Across, found: BigIntStats): Promise<void> {
  const { source, from, target, path, options } = copy;
  const there = await orNothing(target.lstat(path));
  const isThere = options.isEntry ? there?.isDirectory() : await isDirectoryIn(target, path);
  await refuseWithin(copy, isThere ? path : above(path), found);
  if (isThere) return send(copy, Buffer.concat([from, Buffer.from('/.')]), path);
  if (there !== undefined) throw refused(copy, errnos.ENOTDIR);
  if (lastName(from) !== undefined) return replace(copy);
  // A new directory has the mode and owner of that which the dots are in.
  const whole = await source.realpath(from, { encoding: 'buffer' });
  if (lastName(whole) !== undefined) return replace({ ...copy, from: whole });
  await target.mkdir(path, { mode: Number(found.mode) & 0o777 });
  await send(copy, from, path);
}

async function copyFile(copy: Across, found: BigIntStats): Promise<void> {
  const { target, path, options } = copy;
  const there = await orNothing(target.lstat(path, { bigint: true }));
  if (there === undefined) {
    if (path.at(-1) !== 0x2f) return replace(copy);
    throw refused(
      copy,
      errnos.ENOENT,
      'a path that ends in a slash means a directory, which has to be there',
    );
  }
  if (there.isDirectory()) throw refused(copy, errnos.EISDIR);
  const end = await orNothing(target.stat(path, { bigint: true }));
  const isThrough = found.isFile() && there.isSymbolicLink() && !options.isEntry;
  if (isThrough && end === undefined) {
    throw refused(copy, errnos.ENOENT, 'a link that leads nowhere is not written through');
  }
  if (isSame(found, isThrough && end ? end : there)) throw refused(copy, errnos.EINVAL, intoItself);
  if (end !== undefined && isSpecial(end)) {
    // The same one stays.
    if (isSpecial(found) && found.mode >> 12n === there.mode >> 12n && found.rdev === there.rdev)
      return;
    throw refused(
      copy,
      errnos.EINVAL,
      'what is there is a FIFO, a device or a socket, or a link to one: it is not replaced',
    );
  }
  if (isThrough) return writeThrough(copy);
  try {
    await replace(copy);
  } catch (error) {
    const isMounted = (error as NodeJS.ErrnoException).code === 'EBUSY' && found.isFile();
    if (!isMounted) throw error;
    await writeThrough(copy);
  }
}

/** What is there stays, with its owner and mode, and gets the content. */
async function writeThrough({ source, from, target, path, options }: Across): Promise<void> {
  const { shown, signal } = options;
  const content = source.createReadStream(from, { signal });
  await once(content, 'open'); // before anything is lost
  const flag = constants.O_WRONLY | constants.O_TRUNC;
  await target.writeFile(path, shown.counted(content), { flag, signal });
}

/** Made beside its destination, and there when it is whole. */
async function replace(copy: Across): Promise<void> {
  const { from, target, path } = copy;
  const aside = Buffer.concat([above(path), Buffer.from(`.${randomBytes(8).toString('hex')}.tmp`)]);
  await target.mkdir(aside, { mode: 0o700 }).catch(error => {
    throw refused(copy, error.errno, error.advice);
  });
  try {
    await send(copy, from, aside);
    const made = Buffer.concat([aside, Buffer.from('/'), lastName(from) ?? Buffer.from('')]);
    await target.rename(made, path);
  } catch (error) {
    const message = (error as Error).message.replaceAll(`${aside}`, `${path}`);
    const isLeft = await removal(target, aside).catch(() => true);
    const left = isLeft ? `; ${aside} is left there` : '';
    throw Object.assign(error as Error, { message: `${message}${left}`, dest: `${path}` });
  }
  await removal(target, aside);
}

async function removal(target: ContainerRoot, aside: Buffer): Promise<void> {
  await target.settled(); // also what an interrupted copy still writes
  await target.rm(aside, { recursive: true, force: true });
}

async function send(
  { source, target, options }: Across,
  from: Buffer,
  directory: Buffer,
): Promise<void> {
  const { shown, special, oneFileSystem, preserveOwners, signal } = options;
  const archive = shown.counted(source.archive(from, { special, oneFileSystem, signal }));
  await target.extract(archive, directory, { special, preserveOwners, signal });
}

const intoItself = 'a file cannot be copied onto itself, nor a directory into itself';

/** An archive of a directory into one that is in it would have no end. */
async function refuseWithin(copy: Across, directory: Buffer, found: BigIntStats): Promise<void> {
  const { target } = copy;
  let at = await target.realpath(directory, { encoding: 'buffer' });
  for (;;) {
    if (isSame(found, await target.stat(at, { bigint: true }))) {
      throw refused(copy, errnos.EINVAL, intoItself);
    }
    if (at.length <= 1) return;
    at = at.subarray(0, Math.max(at.lastIndexOf(0x2f), 1));
  }
}

function isSame(one: BigIntStats, other: BigIntStats): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}

function isSpecial(found: BigIntStats): boolean {
  return !found.isFile() && !found.isDirectory() && !found.isSymbolicLink();
}

function refused({ from, path }: Across, errno: number, advice?: string): Error {
  const files = { path: from.toString(), dest: path.toString() };
  return fileFailure(errno, 'copy', files, { advice });
}

async function orNothing<T>(found: Promise<T>): Promise<T | undefined> {
  return found.catch(error => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

/** In a directory, the copy has the name of its source: where that ends in one, as cp(1) has it. */
export function within(directory: Buffer, source: Buffer): Buffer {
  const name = lastName(source);
  const slash = Buffer.from(directory.at(-1) === 0x2f ? '' : '/');
  return name === undefined ? directory : Buffer.concat([directory, slash, name]);
}

function lastName(path: Buffer): Buffer | undefined {
  const name = /([^/]*)\/*$/.exec(path.toString('latin1'))?.[1] ?? '';
  return ['', '.', '..'].includes(name) ? undefined : Buffer.from(name, 'latin1');
}

/** The directory that it is in, with its slash. */
function above(path: Buffer): Buffer {
  const [, directory = '/'] = /^(.*\/)[^/]+\/*$/s.exec(path.toString('latin1')) ?? [];
  return Buffer.from(directory, 'latin1');
}

export async function isDirectoryIn(root: ContainerRoot, path: Buffer): Promise<boolean> {
  return (await root.exists(path)) && (await root.stat(path)).isDirectory();
}
