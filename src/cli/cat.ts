/** `linux-namespaces cat`: files of containers, to stdout. */
import { pipeline } from 'node:stream/promises';
import { readArguments, UsageError } from './arguments.ts';
import { fileArguments, inRoot } from './file-argument.ts';
import { stdout } from './output.ts';

export const usage = `linux-namespaces cat PID|NAME:/PATH...

Shows files of containers. The paths are resolved inside: no link leads out of there.

  linux-namespaces cat web:/etc/hosts
  linux-namespaces cat shop/cart/app:/etc/resolv.conf
  linux-namespaces cat 7238:/proc/1/environ | tr '\\0' '\\n'`;

export async function main(args: readonly string[]): Promise<void> {
  const line = readArguments(args, {}, true);
  if (line.rest.length === 0) throw new UsageError('which file? NAME:/path, PID:/path');
  for (const file of fileArguments(line)) {
    await inRoot(file, root => pipeline(root.createReadStream(file.path), stdout, { end: false }));
  }
}
