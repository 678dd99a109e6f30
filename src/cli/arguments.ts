/**
 * Command lines as getopt_long(3) reads them: options end at the first word that is none, or are taken
 * from among the other words; short ones may be grouped and carry their value, long ones may be cut
 * short, and values that may be left out are attached.
 */

import { nearest } from '../base/nearest.ts';

export interface Option {
  /** A letter, or several that mean the same. */
  readonly short?: string;
  /**
   * Takes a value; 'maybe': only one that is attached to it (`-r=DIR`, `--root=DIR`); 'long': only one
   * that is attached to the long name.
   */
  readonly value?: true | 'maybe' | 'long';
  /** Attached to the letter, these are its value, though others could be grouped so. */
  readonly words?: readonly string[];
  /**
   * As with docker and kubectl, a value that is attached to the letter may have = before it (`-u=0`), and a
   * flag may be told yes or no (`--tty=false`, `-i=1`).
   */
  readonly equals?: true;
  /** May be given more than once: its values are a list. */
  readonly many?: true;
  /** Of two that are given, the first one counts. Otherwise the last one does. */
  outlasts?(first: string | true, second: string | true): boolean;
  /** Not to be cut short: what is left of it belongs to an option that another tool has, too. */
  readonly whole?: true;
  /** What the help says of it. */
  readonly about?: string;
}

export type Options = Readonly<Record<string, Option>>;

/** What was given: true for a flag, and for a value that was left out. */
export type Given<O extends Options> = {
  [name in keyof O]?: O[name]['many'] extends true
    ? string[]
    : O[name]['value'] extends true
      ? string
      : O[name]['value'] extends 'maybe' | 'long'
        ? string | true
        : true;
};

export interface Arguments<O extends Options> {
  readonly given: Given<O>;
  /** The options in the order in which they stand. */
  readonly order: readonly { readonly name: keyof O; readonly value: string | true }[];
  readonly rest: string[];
  /** For each of `rest`: how many words of the line come after it. */
  readonly after: readonly number[];
}

/** What is wrong with a command line. */
export class UsageError extends Error {}

/** Which there is none of. */
export class UnknownOption extends UsageError {
  /** `-n`, `--net`. */
  readonly option: string;

  constructor(option: string, meant: string) {
    super(`unknown option ${option}${meant}`);
    this.option = option;
  }
}

/** `--help` or `-h` was among the options; or `--version`, `-V`. */
export class HelpWanted extends Error {}
export class VersionWanted extends Error {}

/** All commands have these. */
const common: Options = { help: { short: 'h' }, version: { short: 'V' } };

/**
 * With `among`, options may stand behind other words, too, up to `--`: for commands that start no
 * program with options of its own.
 */
export function readArguments<const O extends Options>(
  args: readonly string[],
  options: O,
  among = false,
): Arguments<O> {
  const known: Options = { ...options, ...common };
  const given: Record<string, string | true | string[]> = {};
  const order: { name: keyof O; value: string | true }[] = [];
  const rest: number[] = [];
  let i = 0;
  const next = (option: string) => {
    const value = args[++i];
    if (value === undefined) throw new UsageError(`option ${option} needs a value`);
    return value;
  };
  const take: Take = (name, value) => {
    if (name === 'help') throw new HelpWanted();
    if (name === 'version') throw new VersionWanted();
    if (value === false) {
      delete given[name];
      return;
    }
    order.push({ name, value });
    const before = given[name] as string | true | undefined;
    if (known[name]?.many) given[name] = [...((given[name] as string[]) ?? []), value as string];
    else if (before === undefined || !known[name]?.outlasts?.(before, value)) given[name] = value;
  };
  for (; i < args.length; i++) {
    const word = args[i] as string;
    const isOption = word.startsWith('-') && word !== '-';
    if (word === '--' || (!isOption && !among)) break;
    if (!isOption) rest.push(i);
    else if (word.startsWith('--')) takeLong(word, known, take, next);
    else takeShort(word, known, take, next);
  }
  for (i += Number(args[i] === '--'); i < args.length; i++) rest.push(i);
  return {
    given: given as Given<O>,
    order,
    rest: rest.map(at => args[at] as string),
    after: rest.map(at => args.length - 1 - at),
  };
}

type Take = (name: string, value: string | boolean) => void;
type Next = (option: string) => string;

function takeLong(word: string, options: Options, take: Take, next: Next): void {
  const [, start = '', equals, value = ''] = /^--([^=]*)(=?)(.*)$/s.exec(word) ?? [];
  const names = Object.entries(options).flatMap(([name, { whole }]) =>
    name === start || (!whole && name.startsWith(start)) ? [name] : [],
  );
  const name = names.find(name => name === start) ?? names[0];
  if (name === undefined) {
    const near = nearest(start, Object.keys(options));
    const meant = near === undefined ? '' : `; did you mean --${near}?`;
    throw new UnknownOption(`--${start}`, meant);
  }
  if (names.length > 1 && name !== start) {
    throw new UsageError(`--${start} can be any of ${names.map(name => `--${name}`).join(', ')}`);
  }
  const { value: takes, equals: isToldBoth } = options[name] as Option;
  if (takes === undefined && equals) {
    if (!isToldBoth) throw new UsageError(`option --${name} takes no value`);
    take(name, isYes(`--${name}`, value));
    return;
  }
  take(name, equals ? value : takes === true ? next(`--${name}`) : true);
}

function takeShort(word: string, options: Options, take: Take, next: Next): void {
  let before: [string, Option] | undefined;
  for (let i = 1; i < word.length; i++) {
    const letter = word[i] as string;
    const named = Object.entries(options).find(([, { short }]) => short?.includes(letter));
    if (named === undefined) throw unknownLetter(word, i, before);
    const [name, { value: takes, words = [], equals }] = named;
    before = named;
    const attached = word.slice(i + 1);
    if (takes === true) {
      const isJoined = equals === true && attached.startsWith('=');
      take(name, isJoined ? attached.slice(1) : attached || next(`-${letter}`));
      return;
    }
    if (takes === undefined && equals && attached.startsWith('=')) {
      take(name, isYes(`-${letter}`, attached.slice(1)));
      return;
    }
    const isValue = words.includes(attached) || (attached !== '' && !areFlags(attached, options));
    if (takes === 'maybe' && isValue) {
      take(name, attached.replace(/^=/, ''));
      return;
    }
    take(name, true);
  }
}

/** The words of docker's, which are Go's. */
function isYes(option: string, value: string): boolean {
  if (/^(1|t|T|true|True|TRUE)$/.test(value)) return true;
  if (/^(0|f|F|false|False|FALSE)$/.test(value)) return false;
  throw new UsageError(`option ${option} is true or false, not ${value}`);
}

/** `before`: the option that stands before it in the same word. */
function unknownLetter(
  word: string,
  at: number,
  [name, { value }]: readonly [string, Option] = ['', {}],
): UnknownOption {
  const attached = word.slice(at).replace(/^=/, '');
  const isFile = value === 'long' && /^[=./]/.test(word.slice(at));
  const meant = isFile ? `; a FILE is joined by =: --${name}=${attached}` : '';
  return new UnknownOption(`-${word[at]}`, meant);
}

/** `-mu`: two flags, rather than the file "u" (write `-m./u`). */
function areFlags(attached: string, options: Options): boolean {
  for (const letter of attached) {
    const option = Object.values(options).find(({ short }) => short?.includes(letter));
    if (option === undefined) return false;
    if (option.value === true) return true;
  }
  return true;
}
