/** `ps --filter KEY=VALUE`, as docker ps has it: several values of a key are any of them, of `label` all. */
import type { Container } from '../containers/container.ts';
import { nameOf } from '../containers/container-names.ts';
import { engines } from '../containers/sighting.ts';
import { UsageError } from './arguments.ts';

type Test = (container: Container, value: string) => boolean;

const states = [
  'created',
  'running',
  'paused',
  'restarting',
  'removing',
  'exited',
  'dead',
  'unknown',
];

const tests: Readonly<Record<string, Test>> = {
  engine: ({ knownAs }, value) => knownAs.some(({ engine }) => engine === value),
  id: ({ id }, value) => id.startsWith(value),
  label: ({ labels = {} }, value) => {
    const [, name = '', equals, wanted] = /^([^=]*)(=?)(.*)$/s.exec(value) ?? [];
    return Object.hasOwn(labels, name) && (equals === '' || labels[name] === wanted);
  },
  // The slash in front is docker's: `^/web$`.
  name: (container, value) => {
    const name = nameOf(container);
    return [name, `/${name}`].some(one => patternOf(value).test(one));
  },
  state: ({ state }, value) => state === value,
};

function patternOf(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new UsageError(`--filter name: ${text} is no regular expression`);
  }
}

/** Docker's word. */
const aliases: Readonly<Record<string, string>> = { status: 'state' };

export interface Filter {
  readonly matches: (container: Container) => boolean;
  /** Which states are meant was said: those that do not run are meant, too. */
  readonly byState: boolean;
}

export function filterOf(given: readonly string[]): Filter {
  const wanted = new Map<string, string[]>();
  for (const text of given) {
    const [, word = '', value] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
    const key = aliases[word] ?? word;
    if (value === undefined || !Object.hasOwn(tests, key)) {
      const keys = Object.keys(tests).join(', ');
      throw new UsageError(`--filter is KEY=VALUE, with one of ${keys}: not ${text}`);
    }
    if (key === 'state' && !states.includes(value)) {
      throw new UsageError(`no state ${value}: there are ${states.join(', ')}`);
    }
    if (key === 'engine' && !engines.some(engine => engine === value)) {
      throw new UsageError(`no engine ${value}: there are ${engines.join(', ')}`);
    }
    if (key === 'name') patternOf(value);
    wanted.set(key, [...(wanted.get(key) ?? []), value]);
  }
  const matches = (container: Container) =>
    [...wanted].every(([key, values]) => {
      const isMet = (value: string) => tests[key]?.(container, value) === true;
      return key === 'label' ? values.every(isMet) : values.some(isMet);
    });
  return { matches, byState: wanted.has('state') };
}
