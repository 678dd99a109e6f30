/**
 * Command lines as getopt_long(3) reads them: options end at the first word that is none, short ones
 * may be grouped and carry their value, long ones may be cut short. What Node's `parseArgs` does not
 * have (values that may be left out) is spelled out for it first; it does the rest.
 */
import { parseArgs } from 'node:util';

export interface Option {
  /** One letter. */
  readonly short?: string;
  /** Takes a value; 'maybe': only one that is attached to it (`-r=DIR`, `--root=DIR`). */
  readonly value?: true | 'maybe';
  /** May be given more than once: its values are a list. */
  readonly many?: true;
}

export type Options = Readonly<Record<string, Option>>;

/** What was given: true for a flag, '' for a value that was left out. */
export type Given<O extends Options> = {
  [name in keyof O]?: O[name]['many'] extends true
    ? string[]
    : O[name]['value'] extends true | 'maybe'
      ? string
      : true;
};

/** What is wrong with a command line. */
export class UsageError extends Error {}

/** `--help` or `-h` was among the options. */
export class HelpWanted extends Error {}

export function readArguments<const O extends Options>(
  args: readonly string[],
  options: O,
): { given: Given<O>; rest: string[] } {
  const { spelled, rest } = spellOut(args, options);
  const { values } = parseArgs({
    args: spelled,
    strict: true,
    options: Object.fromEntries(
      Object.entries(options).map(([name, { value, many }]) => [
        name,
        { type: value === undefined ? 'boolean' : 'string', multiple: many ?? false },
      ]),
    ),
  });
  return { given: values as Given<O>, rest };
}

/** Every option as `--name` or `--name=value`, and apart from them what follows. */
function spellOut(
  args: readonly string[],
  options: Options,
): { spelled: string[]; rest: string[] } {
  const spelled: string[] = [];
  let i = 0;
  const next = (option: string) => {
    const value = args[++i];
    if (value === undefined) throw new UsageError(`option ${option} needs a value`);
    return value;
  };
  for (; i < args.length; i++) {
    const word = args[i] as string;
    if (word === '--') return { spelled, rest: args.slice(i + 1) };
    if (word === '-' || !word.startsWith('-')) break;
    if (word === '--help' || word === '-h') throw new HelpWanted();
    if (word.startsWith('--')) spelled.push(long(word, options, next));
    else spelled.push(...short(word, options, next));
  }
  return { spelled, rest: args.slice(i) };
}

function long(word: string, options: Options, next: (option: string) => string): string {
  const [, start = '', equals, value = ''] = /^--([^=]*)(=?)(.*)$/s.exec(word) ?? [];
  const names = Object.keys(options).filter(name => name.startsWith(start));
  const name = names.find(name => name === start) ?? names[0];
  if (name === undefined) throw new UsageError(`unknown option --${start}`);
  if (names.length > 1 && name !== start) {
    throw new UsageError(`--${start} can be any of ${names.map(name => `--${name}`).join(', ')}`);
  }
  const { value: takes } = options[name] as Option;
  if (takes === undefined) {
    if (equals) throw new UsageError(`option --${name} takes no value`);
    return `--${name}`;
  }
  return `--${name}=${equals || takes === 'maybe' ? value : next(`--${name}`)}`;
}

function short(word: string, options: Options, next: (option: string) => string): string[] {
  const spelled: string[] = [];
  for (let i = 1; i < word.length; i++) {
    const letter = word[i] as string;
    const named = Object.entries(options).find(([, option]) => option.short === letter);
    if (named === undefined) throw new UsageError(`unknown option -${letter}`);
    const [name, { value: takes }] = named;
    const attached = word.slice(i + 1);
    if (takes === undefined || (takes === 'maybe' && areFlags(attached, options))) {
      spelled.push(takes === undefined ? `--${name}` : `--${name}=`);
      continue;
    }
    const value = takes === 'maybe' ? attached.replace(/^=/, '') : attached || next(`-${letter}`);
    spelled.push(`--${name}=${value}`);
    break;
  }
  return spelled;
}

/** `-mu`: two flags, rather than the file "u" (write `-m./u`). */
function areFlags(attached: string, options: Options): boolean {
  for (const letter of attached) {
    const option = Object.values(options).find(({ short }) => short === letter);
    if (option === undefined) return false;
    if (option.value === true) return true;
  }
  return true;
}
