/** How many bytes a copy will be: of one file at once, of a tree while it is copied already. */
import { fstatSync, promises } from 'node:fs';
import { join } from 'node:path';
import type { ContainerRoot } from '../root/container-root.ts';

interface Found {
  isDirectory(): boolean;
  isFile(): boolean;
  readonly size: number;
  readonly blocks: number;
}

/** What there is to ask, here or inside. */
interface Source {
  lstat(path: string): Promise<Found>;
  readdir(path: string): Promise<string[]>;
}

/** Hears how many bytes it will be, if that can be known. */
export type Expect = (total: number) => void;

/** More are not counted: that would take as long as to copy them. */
const most = 20_000;

export function expectInside(
  root: ContainerRoot,
  path: string,
  expect: Expect,
  signal: AbortSignal,
): Promise<void> {
  return expectSize(root, path, expect, signal);
}

export function expectHere(path: string, expect: Expect, signal: AbortSignal): Promise<void> {
  return expectSize(promises, path, expect, signal);
}

/** Of stdin, where that is a file. */
export function expectInput(expect: Expect): void {
  const found = fstatSync(0);
  if (found.isFile()) expect(found.size);
}

/** Resolves when that of a file is known. That of a tree is counted while it is copied. */
async function expectSize(
  source: Source,
  path: string,
  expect: Expect,
  signal: AbortSignal,
): Promise<void> {
  try {
    const found = await source.lstat(path);
    if (found.isFile()) expect(sizeOf(found));
    if (!found.isDirectory()) return;
  } catch {
    return; // what is wrong with it, the copy says
  }
  sizeBelow(source, path, signal).then(
    total => {
      if (total !== undefined) expect(total);
    },
    () => {},
  );
}

/** Without holes, as what is copied. */
function sizeOf({ size, blocks }: Found): number {
  return Math.min(size, blocks * 512);
}

async function sizeBelow(
  source: Source,
  path: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  let total = 0;
  let count = 0;
  const todo = [path];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const found = await source.lstat(next);
    if (++count > most || signal.aborted) return undefined;
    if (found.isFile()) total += sizeOf(found);
    if (!found.isDirectory()) continue;
    for (const name of await source.readdir(next)) todo.push(join(next, name));
  }
  return total;
}
