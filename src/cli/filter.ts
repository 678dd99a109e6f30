/**
 * The language of `ls --filter`, scols-filter(5): comparisons of columns with values, joined by `and`,
 * `or`, `not` and parentheses.
 */
import { UsageError } from './arguments.ts';

/** What a column has in a row; undefined: nothing. */
export type Value = string | number | bigint | boolean | undefined;
export type Kind = 'text' | 'number' | 'boolean';
/** `kindOf`: of the column with that name; undefined where there is none. */
export type KindOf = (name: string) => Kind | undefined;
export type Test<R> = (row: R) => boolean;

/** A part of an expression: a value, or a column, or what has been compared. */
interface Part<R> {
  readonly kind: Kind;
  readonly value: (row: R) => Value;
  readonly isColumn?: boolean;
  readonly literal?: string;
}

const words: Readonly<Record<string, string>> = {
  and: '&&',
  or: '||',
  not: '!',
  eq: '==',
  ne: '!=',
  le: '<=',
  lt: '<',
  ge: '>=',
  gt: '>',
};
const token =
  /[ \t\n]*(?:(\d+\.\d+)|(\d+)([KMGTPEZY](?:iB)?)?|"([^"\n]*)"|'([^'\n]*)'|([a-zA-Z][\w.%:/-]*)|(&&|\|\||==|!=|<=|>=|=~|!~|[<>!()]))/y;
const most = 1024;

/** Throws where `text` is no expression, or speaks of columns that there are none of. */
export function filterOf<R>(
  text: string,
  kindOf: KindOf,
  fieldOf: (name: string, row: R) => Value,
): Test<R> {
  const tokens = split(text);
  let at = 0;
  const bad = (): never => {
    const found = tokens[at]?.text ?? 'the end';
    throw new UsageError(`--filter: ${found} is not expected there: ${text}`);
  };

  /** `and` and `or` bind alike, from left to right: as lsns has it. */
  function expression(): Part<R> {
    let left = comparison();
    for (let next = tokens[at]; isJoint(next?.text); next = tokens[at]) {
      at++;
      left = join(next?.text === '&&', left, comparison());
    }
    return left;
  }

  function comparison(): Part<R> {
    let left = operand();
    for (let next = tokens[at]; next?.type === 'operator'; next = tokens[at]) {
      const { text: operator } = next;
      if (!comparisons.includes(operator)) break;
      at++;
      const right = operand();
      if (!operator.includes('~')) left = compare(operator, left, right);
      else if (right.literal === undefined) bad();
      else left = match(operator, left, right.literal, text);
    }
    return left;
  }

  function operand(): Part<R> {
    const next = tokens[at] ?? bad();
    at++;
    if (next.type === 'value') return literal(next.value);
    if (next.type === 'column') {
      const kind = kindOf(next.text);
      if (kind === undefined) throw new UsageError(`--filter: no column ${next.text}`);
      return { kind, isColumn: true, value: row => fieldOf(next.text, row) };
    }
    if (next.text === '!') {
      const { value } = operand();
      return { kind: 'boolean', value: row => !isTrue(value(row)) };
    }
    if (next.text === '(') {
      const inner = expression();
      if (tokens[at]?.text === ')' && tokens[at]?.type === 'operator') at++;
      else bad();
      return inner;
    }
    at--;
    return bad();
  }

  const { value } = expression();
  if (at < tokens.length) bad();
  return row => isTrue(value(row));
}

const comparisons = ['==', '!=', '<=', '<', '>=', '>', '=~', '!~'];

function isJoint(text: string | undefined): boolean {
  return text === '&&' || text === '||';
}

type Token =
  | { readonly type: 'value'; readonly text: string; readonly value: Exclude<Value, undefined> }
  | { readonly type: 'column' | 'operator'; readonly text: string };

function split(text: string): Token[] {
  if (text.length > most) throw new UsageError(`--filter: longer than ${most} characters`);
  const tokens: Token[] = [];
  const end = text.replace(/[ \t\n]+$/, '').length; // what a token may have before it, and no other space
  token.lastIndex = 0;
  while (token.lastIndex < end) {
    const from = token.lastIndex;
    const found = token.exec(text);
    if (found === null) {
      throw new UsageError(`--filter: ${text.slice(from).trim()} is not understood`);
    }
    tokens.push(read(found));
  }
  return tokens;
}

function read([all, float, integer, unit, quoted, single, word, operator]: RegExpExecArray): Token {
  const text = (all as string).trim();
  const string = quoted ?? single;
  if (float !== undefined) return { type: 'value', text, value: Number(float) };
  if (integer !== undefined) return { type: 'value', text, value: sizeOf(integer, unit) };
  if (string !== undefined) return { type: 'value', text, value: string.trim() };
  if (operator !== undefined) return { type: 'operator', text: operator };
  const name = word as string;
  const lower = name.toLowerCase();
  const isWord = name === lower || name === name.toUpperCase();
  if (isWord && (lower === 'true' || lower === 'false')) {
    return { type: 'value', text, value: lower === 'true' };
  }
  const known = isWord && Object.hasOwn(words, lower) ? words[lower] : undefined;
  return known === undefined ? { type: 'column', text: name } : { type: 'operator', text: known };
}

/** However large: an `ID` has more digits than a number of JavaScript holds. */
function sizeOf(integer: string, unit = ''): bigint {
  return BigInt(integer) * 1024n ** BigInt('KMGTPEZY'.indexOf(unit[0] ?? '-') + 1);
}

function literal<R>(value: Exclude<Value, undefined>): Part<R> {
  if (typeof value === 'string') return { kind: 'text', value: () => value, literal: value };
  return { kind: typeof value === 'boolean' ? 'boolean' : 'number', value: () => value };
}

/** What stands alone: is there anything? */
function isTrue(value: Value): boolean {
  return value !== undefined && value !== '' && value !== false && Number(value) !== 0;
}

function join<R>(both: boolean, { value: left }: Part<R>, { value: right }: Part<R>): Part<R> {
  const value = (row: R) =>
    both ? isTrue(left(row)) && isTrue(right(row)) : isTrue(left(row)) || isTrue(right(row));
  return { kind: 'boolean', value };
}

/** As the kind of what is no column. A number that there is none of is like no other. */
function compare<R>(operator: string, left: Part<R>, right: Part<R>): Part<R> {
  const kind = left.isColumn && !right.isColumn ? right.kind : left.kind;
  const holds = (row: R) => {
    const one = as(kind, left.value(row));
    const other = as(kind, right.value(row));
    if (kind === 'number' && (one === undefined || other === undefined)) return false;
    const order = orderOf(one, other);
    if (operator === '==') return order === 0;
    if (operator === '!=') return order !== 0;
    if (operator === '<=') return order <= 0;
    if (operator === '<') return order < 0;
    return operator === '>=' ? order >= 0 : order > 0;
  };
  return { kind: 'boolean', value: holds };
}

function as(kind: Kind, value: Value): Value {
  if (value === undefined) return undefined;
  if (kind === 'text') return String(value);
  if (kind === 'boolean') {
    return typeof value === 'string' ? /^(1|true|y|yes)$/i.test(value) : isTrue(value);
  }
  if (typeof value !== 'string') return typeof value === 'boolean' ? Number(value) : value;
  if (/^\d+$/.test(value)) return BigInt(value);
  return /^\d+\.\d+$/.test(value) ? Number(value) : undefined;
}

/** Nothing comes before everything. */
function orderOf(one: Value, other: Value): number {
  if (one === undefined || other === undefined) {
    return Number(one !== undefined) - Number(other !== undefined);
  }
  return one < other ? -1 : one > other ? 1 : 0;
}

/** The pattern is of regex(7), whose names of classes JavaScript does not have. */
const classes: Readonly<Record<string, string>> = {
  alnum: 'a-zA-Z0-9',
  alpha: 'a-zA-Z',
  blank: ' \\t',
  digit: '0-9',
  lower: 'a-z',
  punct: '!-\\/:-@\\[-`{-~',
  space: '\\s',
  upper: 'A-Z',
  xdigit: '0-9a-fA-F',
};

function match<R>(operator: string, left: Part<R>, pattern: string, whole: string): Part<R> {
  let expression: RegExp;
  try {
    expression = new RegExp(pattern.replace(/\[:(\w+):\]/g, (all, name) => classes[name] ?? all));
  } catch {
    throw new UsageError(`--filter: ${pattern} is no regular expression: ${whole}`);
  }
  const value = (row: R) => {
    const text = as('text', left.value(row));
    return (text !== undefined && expression.test(text as string)) === (operator === '=~');
  };
  return { kind: 'boolean', value };
}
