/** What is asked of a terminal: apart from terminal.ts, which loads streams. */
import { checkNames, namesOf } from '../base/check.ts';
import { invalidType, invalidValue } from '../base/errors.ts';
import { own } from '../base/own-properties.ts';

/** What a terminal is like. */
export interface TerminalOptions {
  /** From 1 to 65535. Default: 80. */
  columns?: number | undefined;
  /** From 1 to 65535. Default: 24. */
  rows?: number | undefined;
  /** TERM, by which programs know what it can do. Default: that of the environment, or `'xterm'`. */
  name?: string | undefined;
}

const names = namesOf<TerminalOptions>({ columns: true, rows: true, name: true });
const usual = { columns: 80, rows: 24 };
const most = 65_535; // struct winsize

export interface CheckedTerminal {
  readonly columns: number;
  readonly rows: number;
  readonly name: string | undefined;
}

export function checkTerminal(given: unknown): CheckedTerminal | undefined {
  if (given === undefined || given === false) return undefined;
  if (given === true) return { ...usual, name: undefined };
  if (typeof given !== 'object' || given === null) {
    throw invalidType('options.terminal', 'a boolean or an object', given);
  }
  checkNames(given, names, 'options.terminal');
  const { columns, rows, name } = own<TerminalOptions>(given);
  if (name !== undefined && (typeof name !== 'string' || name === '' || name.includes('\0'))) {
    throw invalidValue('options.terminal.name', "a name such as 'xterm-256color'", name);
  }
  return {
    columns: checkSize('options.terminal.columns', columns ?? usual.columns),
    rows: checkSize('options.terminal.rows', rows ?? usual.rows),
    name,
  };
}

export function checkSize(name: string, value: unknown): number {
  if (typeof value !== 'number') throw invalidType(name, 'a number', value);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw invalidValue(name, `an integer from 1 to ${most}`, value);
}
