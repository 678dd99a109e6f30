// Columns that give way to the width of a terminal, and times.
import { expect, test } from 'vitest';
import { drawForest, fitted, keptOf, localTime } from '../../../src/cli/table.ts';

const stiff = (width: number) => ({ width, least: Infinity });
const soft = (width: number, least = 8) => ({ width, least });

test.each([
  ['what fits stays', [stiff(10), soft(20)], 31, [10, 20]],
  ['the widest gives way first', [stiff(10), soft(20), soft(12)], 38, [10, 14, 12]],
  ['then both', [stiff(10), soft(20), soft(12)], 32, [10, 10, 10]],
  ['down to their least, and no further', [stiff(10), soft(20), soft(12)], 20, [10, 8, 8]],
  ['what is narrower than its least stays', [soft(3), soft(30)], 14, [3, 10]],
  ['without an edge', [soft(1000)], Infinity, [1000]],
  ['nothing', [], 80, []],
])('%s', (_, columns, most, wanted) => {
  expect(fitted(columns, most)).toEqual(wanted);
});

const spared = (spare: number, width: number, least = Infinity) => ({ width, least, spare });

test.each([
  ['all fit', [spared(0, 10), spared(1, 19)], 30, [0, 1]],
  ['by their least', [spared(0, 10), spared(1, 100, 8)], 19, [0, 1]],
  ['the highest is left out first', [spared(0, 10), spared(1, 19), spared(2, 8)], 30, [0, 1]],
  ['then the next', [spared(0, 10), spared(1, 19), spared(2, 8)], 29, [0]],
  ['never what is not spare', [spared(0, 10), spared(0, 19)], 5, [0, 1]],
  ['without an edge', [spared(0, 1000), spared(1, 1000)], Infinity, [0, 1]],
  ['nothing', [], 80, []],
])('columns that there is room for: %s', (_, sizes, most, wanted) => {
  expect(keptOf(sizes, most)).toEqual(wanted);
});

test('a time is that of the clock here', () => {
  expect(localTime(new Date(2026, 0, 2, 3, 4, 5))).toBe('2026-01-02 03:04:05');
});

test('a tree of more than the stack has room for, side by side', () => {
  const leaves = Array.from({ length: 200_000 }, (_, i) => i + 1);
  const rows = drawForest([0], node => (node === 0 ? leaves : []));
  expect(rows.slice(0, 2).map(({ node, branch }) => [node, branch])).toEqual([
    [0, ''],
    [1, '├─'],
  ]);
  expect(rows.at(-1)).toEqual({ node: 200_000, branch: '└─' });
});
