/** The two ends of a copy: what is said of them where it fails, and where it is interrupted. */
import { type BigIntStats, promises } from 'node:fs';
import type { NamespaceError } from '../base/errors.ts';
import type { ContainerRoot } from '../root/container-root.ts';
import { interruptible } from './interruption.ts';

export interface Side {
  /** As it is called on the line; undefined: here. */
  readonly container: string | undefined;
  /** The copy's own, or that of what is copied; undefined: stdin or stdout. */
  readonly path: Buffer | undefined;
  /** In whose calls the copy is made. */
  readonly root: ContainerRoot;
}

/** As it is written on the line. */
function shown({ container }: Side, path: string): string {
  return container === undefined ? path : `${container}:${path}`;
}

/** undefined: there is nothing. With `follow`, of what a link leads to. */
async function look(
  { container, root }: Side,
  path: Buffer,
  follow = false,
): Promise<BigIntStats | undefined> {
  const options = { bigint: true } as const;
  const name = follow ? 'stat' : 'lstat';
  const found = container === undefined ? promises[name](path, options) : root[name](path, options);
  return found.catch(() => undefined);
}

/** Runs `work`, which copies one to the other, up to its end, or that by a signal. */
export async function copying(
  from: Side,
  to: Side,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { path } = to;
  const before = path && (await look(to, path, true));
  const worded = (signal: AbortSignal) =>
    work(signal).catch(async error => {
      throw Object.assign(error, { message: await wordsOf(error, from, to) });
    });
  await interruptible(worded, async isDone => {
    if (path === undefined) return 'the archive is not whole';
    await to.root.settled();
    const name = shown(to, path.toString());
    if (isDone) return `${name} had been copied by then`;
    const after = await look(to, path, true);
    if (isSame(before, after)) return `nothing was changed at ${name}`;
    return after?.isDirectory()
      ? `what had been copied to ${name} stays: no file there is half a copy`
      : `${name} is not whole: it is written in place`;
  });
}

function isSame(before: BigIntStats | undefined, after: BigIntStats | undefined): boolean {
  if (before === undefined || after === undefined) return before === after;
  const fields = ['dev', 'ino', 'size', 'mtimeNs', 'ctimeNs'] as const;
  return before.isFile() && fields.every(name => before[name] === after[name]);
}

/** What is wrong, and on which side: the library's error has paths alone. */
export async function wordsOf(
  { code = '', message, syscall, path, dest, advice }: Partial<NamespaceError> & Error,
  from: Side,
  to?: Side,
): Promise<string> {
  // Those of an entry of a tree are not about its ends.
  const ends = [from.path, to?.path].map(end => end?.toString());
  const isOfEnd = code === 'ENOENT' || (/^(ENOTDIR|EISDIR)$/.test(code) && ends.includes(path));
  if (isOfEnd && advice === undefined) {
    const words =
      (await wordsOfSource(code, from, to === undefined)) ??
      (to && (await wordsOfDestination(code, from, to)));
    if (words !== undefined) return words;
  }
  if (to === undefined) return replaced(message, from, path);
  if (syscall === 'untar') return replaced(message, to, dest);
  const isOfBoth = syscall === 'cp' || syscall === 'copy';
  return isOfBoth ? replaced(replaced(message, from, path), to, dest) : message;
}

function replaced(message: string, side: Side, path: string | undefined): string {
  return path === undefined ? message : message.replace(`'${path}'`, () => shown(side, path));
}

/** `reads`: what a link leads to is meant. */
async function wordsOfSource(
  code: string,
  side: Side,
  reads: boolean,
): Promise<string | undefined> {
  const { path } = side;
  if (path === undefined) return undefined;
  const name = shown(side, path.toString());
  const found = await look(side, path);
  if (found === undefined) {
    const isFile = path.at(-1) === 0x2f && (await look(side, withoutSlash(path))) !== undefined;
    return `${name} ${isFile ? 'is no directory' : 'does not exist'}`;
  }
  if (code === 'EISDIR' && found.isDirectory()) return `${name} is a directory`;
  const isLost = found.isSymbolicLink() && (await look(side, path, true)) === undefined;
  return isLost && reads ? `${name} leads to nothing` : undefined;
}

async function wordsOfDestination(
  code: string,
  from: Side,
  side: Side,
): Promise<string | undefined> {
  const { path } = side;
  if (path === undefined) return undefined;
  const directory = from.path === undefined ? path : above(path);
  const isThere = (await look(side, directory, true))?.isDirectory() === true;
  if (!isThere) return `there is no directory ${shown(side, directory.toString())}`;
  const name = shown(side, path.toString());
  const found = await look(side, path, true);
  if (code === 'ENOENT' || found === undefined) return undefined;
  const isLink = code === 'ENOTDIR' && found.isDirectory();
  if (isLink) return `${name} is a link, not followed unless that is on the line`;
  return found.isDirectory() ? `${name} is a directory` : `${name} is no directory`;
}

function withoutSlash(path: Buffer): Buffer {
  return Buffer.from(path.toString('latin1').replace(/(?<=.)\/+$/s, ''), 'latin1');
}

/** The directory that it is in. */
function above(path: Buffer): Buffer {
  const [, directory] = /^(.*?)\/+[^/]+\/*$/s.exec(path.toString('latin1')) ?? [];
  return directory === undefined
    ? Buffer.from(path[0] === 0x2f ? '/' : '.')
    : Buffer.from(directory || '/', 'latin1');
}
