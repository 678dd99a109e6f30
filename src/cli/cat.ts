/** `linux-namespaces cat`: files of containers, to stdout. */
import { once } from 'node:events';
import { readArguments, UsageError } from './arguments.ts';
import { wordsOf } from './cp-side.ts';
import { type FileArgument, fileArguments, inRoot } from './file-argument.ts';
import { lookupOf, lookupOptions } from './lookup.ts';
import { wordsOf as wordsOfOptions } from './option-words.ts';
import { complain, openStdout } from './output.ts';
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
  const show = (file: FileArgument) =>
    inRoot(file, where, async root => {
      try {
        // A pipeline for each file would leave its listeners at stdout.
        for await (const piece of root.createReadStream(file.path)) {
          if (!stdout.write(piece)) await once(stdout, 'drain');
        }
      } catch (error) {
        const message = await wordsOf(error as Error, { ...file, root });
        throw Object.assign(error as Error, { message });
      }
    });
  // As with cat(1), one that cannot be shown keeps none of the others from it.
  const files = fileArguments(line);
  for (const [i, file] of files.entries()) {
    try {
      await show(file);
    } catch (error) {
      if (i === files.length - 1) throw error;
      complain(wordsOfOptions(optionNames, error as Error));
      process.exitCode = 1;
    }
  }
}
