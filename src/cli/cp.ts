/** `linux-namespaces cp`: files and trees between a container and here. */
import { statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Progress } from '../root/calls.ts';
import type { ContainerRoot } from '../root/container-root.ts';
import { type Options, readArguments, UsageError } from './arguments.ts';
import { inRoot, placeOf } from './place.ts';

export const usage = `linux-namespaces cp [option...] PID|NAME:/PATH PATH
linux-namespaces cp [option...] PATH PID|NAME:/PATH

Copies a file or a tree out of a container or into it, with modes, times, links and
holes. Into a directory that is there; otherwise the copy gets that name.

  -p, --preserve-owners   owners, by their numbers inside
      --special           FIFOs, devices and sockets too
  -q, --quiet             no progress`;

const options = {
  'preserve-owners': { short: 'p' },
  special: {},
  quiet: { short: 'q' },
} as const satisfies Options;

export async function main(args: readonly string[]): Promise<void> {
  const { given, rest } = readArguments(args, options);
  const [from, to, ...more] = rest.map(placeOf);
  if (from === undefined || to === undefined || more.length > 0) {
    throw new UsageError('from where to where? NAME:/path path, or path NAME:/path');
  }
  if ((from.container === undefined) === (to.container === undefined)) {
    throw new UsageError('one of the two is in a container: NAME:/path, PID:/path');
  }
  const copyOptions = {
    preserveOwners: given['preserve-owners'],
    special: given.special,
    ...(!given.quiet && process.stderr.isTTY && { progress: showProgress }),
  };
  const out = from.container !== undefined;
  await inRoot(out ? from : to, async root => {
    const isDirectory = out ? isOurDirectory(to.path) : await isDirectoryIn(root, to.path);
    const name = basename(from.path);
    const path = isDirectory && name !== '' ? join(to.path, name) : to.path;
    if (out) await root.copyOut(from.path, path, copyOptions);
    else await root.copyIn(from.path, path, copyOptions);
  });
  if (copyOptions.progress) console.error();
}

function isOurDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

async function isDirectoryIn(root: ContainerRoot, path: string): Promise<boolean> {
  return (await root.exists(path)) && (await root.stat(path)).isDirectory();
}

function showProgress({ files, bytes }: Progress): void {
  process.stderr.write(`\r${files} files, ${(bytes / 1e6).toFixed(1)} MB`);
}
