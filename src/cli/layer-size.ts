/**
 * How much a container has written: its own layer of the overlay that is its root. Counted as Docker does, by the
 * lengths of all files, each once; here without asking Docker.
 */
import { closeSync, constants, type Dir, lstatSync, opendirSync, openSync } from 'node:fs';
import { isOwn } from '../base/own-rights.ts';
import type { Container } from '../containers/container.ts';

export interface LayerSize {
  readonly bytes: number;
  /** Otherwise it is at least so much. */
  readonly isWhole: boolean;
}

/** Milliseconds for all of them: of a container with millions of files the beginning is counted. */
const timeout = 5_000;
/** Directories that are open at a time. */
const depthMost = 200;

/** undefined where no directory of its own is known. */
export function layerSizes(containers: readonly Container[]): (LayerSize | undefined)[] {
  const until = performance.now() + timeout;
  return containers.map(container => {
    const directory = layerOf(container);
    return directory === undefined ? undefined : sizeOf(directory, () => performance.now() > until);
  });
}

/**
 * Docker, Podman and CRI-O have the layer beside where all of them are put together. Not of another user's engine:
 * that names what it likes, also what does not answer.
 */
function layerOf({ engine, owner, rootfs }: Container): string | undefined {
  const isKnown = ['docker', 'podman', 'cri-o'].includes(engine);
  return isKnown && isOwn(owner) && rootfs?.endsWith('/merged')
    ? rootfs.replace(/merged$/, 'diff')
    : undefined;
}

interface Level {
  readonly fd: number;
  readonly entries: Dir;
}

/** By open directories, as a container can put a link in the place of one of its own at any time. */
function sizeOf(directory: string, isOver: () => boolean): LayerSize | undefined {
  const linked = new Set<string>();
  const levels: Level[] = [];
  let bytes = 0;
  let isWhole = true;
  const enter = (path: string | Buffer) => {
    const level = open(path);
    if (level !== undefined) levels.push(level);
    return level !== undefined;
  };
  const add = (path: Buffer) => {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined || found.isDirectory()) return;
    const file = `${found.dev} ${found.ino}`;
    if (found.nlink > 1 && linked.has(file)) return;
    if (found.nlink > 1) linked.add(file);
    bytes += found.size;
  };
  if (!enter(directory)) return undefined;
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const entry = isOver() ? null : level.entries.readSync();
    if (entry === null) {
      isWhole &&= !isOver();
      level.entries.closeSync();
      closeSync(level.fd);
      levels.pop();
      continue;
    }
    const name = entry.name as unknown as Buffer;
    const path = Buffer.concat([Buffer.from(`/proc/self/fd/${level.fd}/`), name]);
    if (!entry.isDirectory()) add(path);
    else if (levels.length >= depthMost || !enter(path)) isWhole = false;
  }
  return { bytes, isWhole };
}

function open(path: string | Buffer): Level | undefined {
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
  let fd = -1;
  try {
    fd = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    // Node has no type for names as bytes, which it gives.
    const encoding = 'buffer' as BufferEncoding;
    return { fd, entries: opendirSync(`/proc/self/fd/${fd}`, { encoding }) };
  } catch {
    if (fd >= 0) closeSync(fd);
    return undefined; // it has gone meanwhile, or may not be read
  }
}
