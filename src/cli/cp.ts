/** `linux-namespaces cp`: files and trees between a container and here, or another container. */
import { fstatSync, statSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { isatty } from 'node:tty';
import type { ContainerRoot } from '../root/container-root.ts';
import { asEntry } from '../root/copies.ts';
import type { CopyOptions } from '../root/options.ts';
import { readArguments, UsageError } from './arguments.ts';
import { type Shown, withProgress } from './copy-progress.ts';
import { type Expect, expectHere, expectInput, expectInside } from './copy-size.ts';
import { copyAcross, isDirectoryIn, within } from './cp-across.ts';
import { copying, type Side } from './cp-side.ts';
import { type FileArgument, fileArguments, inRoot, relativeInside } from './file-argument.ts';
import { lookupOf, lookupOptions } from './lookup.ts';
import type { Context } from './subcommand.ts';
import type { Described, Usage } from './usage.ts';

const options = {
  archive: { short: 'a', equals: true, about: '-p and --special' },
  'preserve-owners': {
    short: 'p',
    about: 'owners, by their numbers inside; set-ID bits, file capabilities',
  },
  dereference: { short: 'L', equals: true, about: 'what links lead to, not the links' },
  'no-clobber': { short: 'n', about: 'leaves files alone that are there already' },
  'one-file-system': { short: 'x', about: 'of other file systems, their mount points alone' },
  special: {
    value: 'maybe',
    placeholder: 'skip',
    about: 'FIFOs, devices and sockets too; skip: leaves them out',
  },
  recursive: { short: 'rR', about: 'is always so' },
  quiet: { short: 'q', equals: true, about: 'no progress' },
  ...lookupOptions,
} as const satisfies Described;

export const usage: Usage = {
  lines: [
    '[option...] PID|NAME:/PATH PATH',
    '[option...] PATH PID|NAME:/PATH',
    '[option...] PID|NAME:/PATH PID|NAME:/PATH',
    '[option...] PID|NAME:/PATH -',
    '[option...] - PID|NAME:/DIRECTORY',
  ],
  about: [
    'Copies a file or a tree out of a container or into it, or from one to another, with modes, times, links and holes. Into a directory that is there; otherwise the copy gets that name. With -, a stream of tar: to stdout, or from stdin into a directory (with -a, -p, -x, --special). In streams, and between containers, there are no file capabilities.',
  ],
  options,
  notes: [
    'Ended by Ctrl-C, SIGTERM or SIGHUP, it takes back what is not whole and says what is left: of a file nothing, of a tree the files that were whole by then. The second Ctrl-C ends it at once and leaves, as SIGKILL does, .NUMBER.tmp beside the destination.',
  ],
  examples: [
    ['linux-namespaces cp web:/etc/nginx .', 'out'],
    ['linux-namespaces cp -a old:/data/. new:/data', 'across, what is in /data, owners and all'],
    ['linux-namespaces cp web:/srv - | gzip > srv.tar.gz', 'as an archive'],
  ],
};

/** What options of the library are called here, for what it says of them. */
export const optionNames = { special: '--special' };

export async function main(args: readonly string[], { lookup }: Context): Promise<void> {
  const line = readArguments(args, options, true);
  const { given } = line;
  const [from, to, ...more] = fileArguments(line);
  if (from === undefined || to === undefined || more.length > 0) {
    const not = line.rest.length === 0 ? '' : `, not ${line.rest.join(' ')}`;
    throw new UsageError(`from where to where? NAME:/path path, or path NAME:/path${not}`);
  }
  if (from.container === undefined && to.container === undefined) {
    throw new UsageError(
      relativeInside(from.path) ??
        relativeInside(to.path) ??
        `one of the two is in a container, NAME:/path or PID:/path: ${line.rest.join(', ')}`,
    );
  }
  const copyOptions: CopyOptions = {
    preserveOwners: given['preserve-owners'] ?? given.archive,
    dereference: given.dereference,
    force: given['no-clobber'] ? false : undefined,
    oneFileSystem: given['one-file-system'],
    special: specialOf(given.special ?? given.archive),
  };
  const out = from.container !== undefined;
  const between = out && to.container !== undefined;
  const streams = between || (out ? to : from).path.toString() === '-';
  if (streams && (copyOptions.dereference || copyOptions.force === false)) {
    throw new UsageError(
      'with a stream of tar, or between containers, neither --dereference nor --no-clobber',
    );
  }
  if (streams && out && !between && isatty(1)) {
    throw new UsageError('an archive is not for a terminal: send it to a file or a pipe');
  }
  const where = lookupOf(lookup, given);
  const quiet = given.quiet === true;
  const unknown = () => {};
  await inRoot(out ? from : to, where, async root => {
    if (between) {
      return inRoot(to, where, async other => {
        const path = (await isDirectoryIn(other, to.path)) ? within(to.path, from.path) : to.path;
        const isEntry = path !== to.path;
        await copying({ ...from, root }, { ...to, path, root: other }, signal =>
          withProgress(quiet, unknown, shown =>
            copyAcross(root, from.path, other, path, { ...copyOptions, isEntry, shown, signal }),
          ),
        );
      });
    }
    if (streams) {
      const ask = out ? unknown : expectInput;
      const sides: [Side, Side] = [
        { ...from, root, ...(!out && { path: undefined }) },
        { ...to, root, ...(out && { path: undefined }) },
      ];
      return copying(...sides, signal =>
        withProgress(quiet, ask, shown => {
          const options = { ...copyOptions, shown, signal };
          return out ? pack(root, from, options) : unpack(root, to, options);
        }),
      );
    }
    const isDirectory = out ? isOurDirectory(to.path) : await isDirectoryIn(root, to.path);
    const path = isDirectory ? within(to.path, from.path) : to.path;
    const source = from.path.toString();
    const ask = (expect: Expect, signal: AbortSignal) =>
      out ? expectInside(root, source, expect, signal) : expectHere(source, expect, signal);
    await copying({ ...from, root }, { ...to, path, root }, signal =>
      withProgress(quiet, ask, async ({ progress }) => {
        const options = { ...copyOptions, [asEntry]: path !== to.path, progress, signal };
        await (out
          ? root.copyOut(from.path, path, options)
          : root.copyIn(from.path, path, options));
      }),
    );
  });
}

interface StreamOptions extends CopyOptions {
  readonly shown: Shown;
}

async function pack(
  root: ContainerRoot,
  { path }: FileArgument,
  { shown, special, oneFileSystem, signal }: StreamOptions,
): Promise<void> {
  const { openStdout } = await import('./output.ts');
  const archive = root.archive(path, { special, oneFileSystem, signal });
  await pipeline(shown.counted(archive), openStdout(), { end: false });
}

async function unpack(
  root: ContainerRoot,
  { path }: FileArgument,
  { shown, special, preserveOwners, oneFileSystem, signal }: StreamOptions,
): Promise<void> {
  if (oneFileSystem) throw new UsageError('--one-file-system is for the way out');
  // Node would show nothing in it.
  if (fstatSync(0).isDirectory()) throw new UsageError('stdin is a directory, and no archive');
  await root.extract(shown.counted(process.stdin), path, { special, preserveOwners, signal });
}

function specialOf(given: string | true | undefined): CopyOptions['special'] {
  if (given === undefined || given === true || given === 'skip') return given;
  throw new UsageError(`--special, or --special=skip, not ${given}`);
}

function isOurDirectory(path: Buffer): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
