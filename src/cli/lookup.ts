/**
 * Where containers are looked for: options of the whole command, of every subcommand that takes a NAME,
 * and variables.
 */
import { statSync } from 'node:fs';
import type { ContainerOptions, Directories } from '../containers/container.ts';
import { directoryNames } from '../containers/directory-names.ts';
import { UsageError } from './arguments.ts';
import { absolute } from './type-options.ts';

export const lookupOptions = {
  root: {
    value: true,
    whole: true,
    placeholder: 'DIR',
    about: "the host's root directory, where that is not /",
  },
  directory: {
    value: true,
    many: true,
    whole: true,
    placeholder: 'ENGINE.NAME=DIR',
    about: "an engine's own option: docker.data-root=/big",
  },
} as const;

export interface Lookup {
  readonly root?: string | undefined;
  readonly directory?: readonly string[] | undefined;
}

/** What these are called here, for what the library says of its own. */
export const lookupNames = {
  root: '--root DIR',
  directories: '--directory ENGINE.NAME=DIR',
} as const;

/** The last one counts: of the variables, of what stands before the subcommand, of what stands after it. */
export function lookupOf(before: Lookup, after: Lookup): ContainerOptions {
  const { LINUX_NAMESPACES_ROOT, LINUX_NAMESPACES_DIRECTORIES = '' } = process.env;
  const root = after.root ?? before.root ?? (LINUX_NAMESPACES_ROOT || undefined);
  const named = [
    ...LINUX_NAMESPACES_DIRECTORIES.split(':').filter(text => text !== ''),
    ...(before.directory ?? []),
    ...(after.directory ?? []),
  ];
  return {
    root: root === undefined ? undefined : directoryAt(root),
    directories: named.length === 0 ? undefined : directoriesOf(named),
  };
}

/** One that is not there (a process that has ended) has no containers, which would be no answer. */
function directoryAt(root: string): string {
  const path = root === '' ? '' : absolute(root);
  const found = path === '' ? undefined : statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) return path;
  throw new UsageError(
    `the host's root, by --root or LINUX_NAMESPACES_ROOT, is no directory: ${root}`,
  );
}

function directoriesOf(texts: readonly string[]): Directories {
  const directories: Record<string, Record<string, string>> = {};
  for (const text of texts) {
    const [, engine = '', name = '', path = ''] = /^(\w+)\.([\w-]+)=(.+)$/s.exec(text) ?? [];
    const names = Object.hasOwn(directoryNames, engine)
      ? directoryNames[engine as keyof Directories]
      : [];
    if (!names.includes(name)) throw unknown(text);
    directories[engine] = { ...directories[engine], [name]: absolute(path) };
  }
  return directories;
}

function unknown(text: string): UsageError {
  const all = Object.entries(directoryNames).flatMap(([engine, names]) =>
    names.map(name => `${engine}.${name}`),
  );
  return new UsageError(
    `a directory of an engine is NAME=DIR, with one of ${all.join(', ')}: not ${text}`,
  );
}
