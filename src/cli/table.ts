/** Rows for people: columns under headings, trees, as wide as the terminal, in colour where it has some. */
import { styleText } from 'node:util';
import { chunk } from '../base/chunks.ts';
import { printable, printableJson } from '../base/printable.ts';
import { UsageError } from './arguments.ts';
import { hasColors, print, stdout } from './output.ts';

export interface Column<R> {
  readonly name: string;
  /** A list: one below the other. */
  readonly of: (row: R) => string | number | bigint | readonly string[] | undefined;
  /** Numbers stand at the right. */
  readonly right?: true;
  /** Where the terminal is too narrow, this one gives way, down to a few letters, or to so many. */
  readonly shrinks?: true | number;
  /** Where that is not enough, this one is left out: the highest first. */
  readonly spare?: number;
}

/** Options of every subcommand that prints a table. Without `notruncate`, lines end at the edge of the terminal. */
export const tableOptions = {
  noheadings: { short: 'n', about: 'no line of headings' },
  notruncate: { short: 'u', about: 'nothing is cut to fit the terminal' },
} as const;

export type TableOptions = { readonly [Name in keyof typeof tableOptions]?: boolean | undefined };

type Style = Parameters<typeof styleText>[0];

export function style(format: Style, text: string): string {
  return hasColors() ? styleText(format, text) : text;
}

/** `paint` colours a whole line. */
export function printTable<R>(
  rows: readonly R[],
  all: readonly Column<R>[],
  options: TableOptions = {},
  paint: (line: string, row: R) => string = line => line,
): void {
  const width = options.notruncate || !stdout.isTTY ? Infinity : stdout.columns || usualWidth;
  const lines = rows.flatMap(row => linesOf(row, all).map(cells => ({ row, cells })));
  // One look at all of it is cheaper than one at each cell.
  const isPlain = plain.test(lines.map(({ cells }) => cells.join('')).join(''));
  const widthIn = isPlain ? (text: string) => text.length : widthOf;
  const sizes = all.map(({ name, shrinks, spare = 0 }, i) => ({
    width: lines.reduce((most, { cells }) => Math.max(most, widthIn(cells[i] ?? '')), name.length),
    least: shrinks ? Math.max(name.length, shrinks === true ? leastOf : shrinks) : Infinity,
    spare,
  }));
  const kept = keptOf(sizes, width);
  const widths = fitted(
    kept.map(i => sizes[i] as Size),
    width,
  );
  const columns = kept.map((i, at) => ({
    i,
    ...{ right: all[i]?.right, width: widths[at] ?? 0, isLast: at === kept.length - 1 },
  }));
  const layOut = (cells: readonly string[]) =>
    columns
      .map(({ i, right, width, isLast }) => {
        const whole = cells[i] ?? '';
        const cell = widthIn(whole) <= width ? whole : `${cutTo(whole, width - 1)}…`;
        const space = isLast && !right ? '' : ' '.repeat(width - widthIn(cell));
        return right ? space + cell : cell + space;
      })
      .join(' ')
      .trimEnd();
  const body = lines.map(({ row, cells }) => paint(cutTo(layOut(cells), width), row));
  const head = cutTo(layOut(all.map(({ name }) => name)), width);
  print([...(options.noheadings ? [] : [style('bold', head)]), ...body].join('\n'));
}

/** Of a terminal that does not know its own: a serial line, script(1) without one. */
const usualWidth = 80;

/** Letters that are left of a column that gives way. */
const leastOf = 8;

interface Size {
  readonly width: number;
  /** Down to which it gives way. */
  readonly least: number;
}

/** Which columns there is room for, by their numbers. */
export function keptOf(
  sizes: readonly (Size & { readonly spare: number })[],
  most: number,
): number[] {
  let kept = [...sizes.keys()];
  const of = (i: number) => sizes[i] as (typeof sizes)[number];
  const needed = () => kept.reduce((sum, i) => sum + Math.min(of(i).width, of(i).least) + 1, -1);
  for (;;) {
    const spare = Math.max(...kept.map(i => of(i).spare));
    if (spare === 0 || needed() <= most) return kept;
    kept = kept.filter(i => of(i).spare !== spare);
  }
}

/**
 * Widths that, with a space between them, are as wide as the terminal if that can be: the widest columns
 * that may give way do so first.
 */
export function fitted(columns: readonly Size[], most: number): number[] {
  const widths = columns.map(({ width }) => width);
  let over = widths.reduce((sum, width) => sum + width + 1, -1) - most;
  while (over > 0) {
    const able = widths.map((width, i) => (width > (columns[i]?.least ?? width) ? width : 0));
    const widest = Math.max(...able);
    if (widest === 0) break;
    widths[able.indexOf(widest)] = widest - 1;
    over--;
  }
  return widths;
}

export function columnNamed<C extends { readonly name: string }>(
  all: readonly C[],
  name: string,
): C {
  const found = all.find(one => one.name === name.toUpperCase());
  if (found !== undefined) return found;
  throw new UsageError(`no column ${name}: there are ${all.map(one => one.name).join(' ')}`);
}

/** As on the clock of who looks. */
export function localTime(date: Date): string {
  const two = (number: number) => `${number}`.padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`;
}

/** As many as the longest list has. */
function linesOf<R>(row: R, columns: readonly Column<R>[]): string[][] {
  const values = columns.map(({ of }) => of(row));
  if (!values.some(Array.isArray)) return [values.map(cellOf)];
  const lists = values.map(value => (Array.isArray(value) ? value : [value]).map(cellOf));
  const height = Math.max(1, ...lists.map(list => list.length));
  return Array.from({ length: height }, (_, i) => lists.map(list => list[i] ?? ''));
}

function cellOf(value: unknown): string {
  return printable(`${value ?? ''}`);
}

const wide = () => chunk<typeof import('./width.ts')>('width');
/** Letters of ASCII, the lines of trees and the dots for what is cut: a column each. */
const plain = /^[ -~\u2026\u2500-\u257f]*$/;

function widthOf(text: string): number {
  return plain.test(text) ? text.length : wide().widthOf(text);
}

function cutTo(text: string, columns: number): string {
  if (columns === Infinity) return text;
  return plain.test(text) ? text.slice(0, columns) : wide().cutTo(text, columns);
}

export function printJson(value: unknown): void {
  print(printableJson(value));
}

/** Columns that the lines of a tree may take: what is deeper stands below one another. */
const edgeMost = 200;

/** The rows of a forest, each with the lines that lead to it. However deep: without recursion. */
export function drawForest<N>(
  roots: readonly N[],
  childrenOf: (node: N) => readonly N[],
): { node: N; branch: string }[] {
  const rows: { node: N; branch: string }[] = [];
  const listed = (nodes: readonly N[], edge: string) =>
    nodes.map((node, i) => ({ node, edge, last: i === nodes.length - 1 })).reverse();
  const todo = listed(roots, '');
  for (let next = todo.pop(); next; next = todo.pop()) {
    const { node, edge, last } = next;
    const isRoot = edge === '';
    rows.push({ node, branch: isRoot ? '' : `${edge.slice(0, -2)}${last ? '└─' : '├─'}` });
    const below = isRoot ? '  ' : `${edge.slice(0, -2)}${last ? '  ' : '│ '}  `;
    const inside = below.length > edgeMost ? edge : below;
    for (const child of listed(childrenOf(node), inside)) todo.push(child);
  }
  return rows;
}

export function group<T, K>(items: Iterable<T>, keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const list = groups.get(key);
    if (list === undefined) groups.set(key, [item]);
    else list.push(item);
  }
  return groups;
}

/** The pid in the process's own pid namespace, where that is not ours. */
export function insideOf(pids: readonly number[] = []): number | undefined {
  return pids.length > 1 ? pids.at(-1) : undefined;
}
