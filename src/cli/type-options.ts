/** The options that name types of namespaces, each perhaps with a file: nsenter and unshare share them. */
import type { NamespaceType } from '../base/namespace-types.ts';
import { UsageError } from './arguments.ts';

type Name = 'mount' | Exclude<NamespaceType, 'mnt'>;

/** Of the options, by the name of each. */
export const letters: Readonly<Record<Name, string>> = {
  mount: 'm',
  uts: 'u',
  ipc: 'i',
  net: 'n',
  pid: 'p',
  cgroup: 'C',
  user: 'U',
  time: 'T',
};

interface TypeOption<V> {
  readonly short: string;
  readonly value: V;
  readonly placeholder: string;
  readonly about: string;
  /** A file stays that of its type. */
  outlasts(first: string | true, second: string | true): boolean;
}

const outlasts: TypeOption<string>['outlasts'] = (_, second) => second === true;

/** `value`: also a short one has it, or none but a long one. */
export function typeOptions<V extends 'maybe' | 'long'>(
  value: V,
  aboutOf: (type: string) => string,
): Record<Name, TypeOption<V>> {
  const entries = Object.entries(letters).map(([name, short]) => {
    return [name, { short, value, placeholder: 'FILE', about: aboutOf(name), outlasts }];
  });
  return Object.fromEntries(entries);
}

/** What an option of these is for, `-n` or `--net`. */
export function typeNamed(option: string): NamespaceType | undefined {
  const entry = Object.entries(letters).find(([name, letter]) => {
    return option === `-${letter}` || option === `--${name}`;
  });
  const name = entry?.[0] as Name | undefined;
  return name === 'mount' ? 'mnt' : name;
}

/** True where it was given without a file. */
export function fileOf(
  given: { readonly [name in Name]?: string | true },
  type: NamespaceType,
): string | true | undefined {
  const name = type === 'mnt' ? 'mount' : type;
  const file = given[name];
  if (file === '') throw new UsageError(`--${name}= names no file`);
  return file;
}

/** As it stands: `..` behind a link is where the kernel finds it. A directory that is gone has no name. */
export function absolute(path: string, base?: string): string {
  return path.startsWith('/') ? path : `${base ?? process.cwd()}/${path}`;
}
