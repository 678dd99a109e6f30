/** `linux-namespaces cat`: files of containers, to stdout. */
import { pipeline } from 'node:stream/promises';
import { readArguments, UsageError } from './arguments.ts';
import { wordsOf } from './cp-side.ts';
import { fileArguments, inRoot } from './file-argument.ts';
import { lookupOf, lookupOptions } from './lookup.ts';
import { openStdout } from './output.ts';
import type { Context } from './subcommand.ts';
import type { Described, Usage } from './usage.ts';

const options = { ...lookupOptions } as const satisfies Described;

export const usage: Usage = {
  lines: ['[option...] PID|NAME:/PATH...'],
  about: ['Shows files of containers. The paths are resolved inside: no link leads out of there.'],
  options,
  examples: [
    ['linux-namespaces cat web:/etc/hosts', 'by the name of the container'],
    ['linux-namespaces cat shop/cart/app:/etc/resolv.conf', 'of Kubernetes'],
    ["linux-namespaces cat 7238:/proc/1/environ | tr '\\0' '\\n'", 'by the pid of a process'],
  ],
};

/** What options of the library are called here: what is no file is to be had by another subcommand. */
export const optionNames = { special: 'cp --special' };

export async function main(args: readonly string[], { lookup }: Context): Promise<void> {
  const line = readArguments(args, options, true);
  if (line.rest.length === 0) throw new UsageError('which file? NAME:/path, PID:/path');
  const where = lookupOf(lookup, line.given);
  const stdout = openStdout();
  for (const file of fileArguments(line)) {
    await inRoot(file, where, async root => {
      try {
        await pipeline(root.createReadStream(file.path), stdout, { end: false });
      } catch (error) {
        const message = await wordsOf(error as Error, { ...file, root });
        throw Object.assign(error as Error, { message });
      }
    });
  }
}
