// What the line of a copy's progress says, in terminals of any width.
import { expect, test } from 'vitest';
import { lineOf } from '../../../src/cli/progress.ts';

const state = { value: 0, total: 0, seconds: 1, eta: Infinity, files: undefined };
const bar = (done: number) => `[${'='.repeat(done)}${' '.repeat(30 - done)}]`;

test.each([
  [{}, '0 B  0 B/s'],
  [{ value: 999 }, '999 B  999 B/s'],
  [{ value: 999_600 }, '1.0 MB  1.0 MB/s'],
  [{ value: 12_340_000, seconds: 2, files: 1 }, '12.3 MB  6.2 MB/s'],
  [{ value: 12_340_000, seconds: 2, files: 120 }, '12.3 MB  6.2 MB/s  120 files'],
  [
    { value: 5e8, total: 1e9, seconds: 2, eta: 2 },
    `${bar(15)}  50 %  500 MB of 1.0 GB  250 MB/s  2 s left`,
  ],
  [{ value: 1, total: 1e9, eta: 4000 }, `${bar(0)}  0 %  1 B of 1.0 GB  1 B/s  1 h 6 min left`],
  [{ value: 1e9, total: 1e9, eta: 0 }, `${bar(30)}  100 %  1.0 GB of 1.0 GB  1.0 GB/s`],
  // It has grown meanwhile: then nobody knows.
  [{ value: 2e9, total: 1e9, eta: 0 }, '2.0 GB  2.0 GB/s'],
])('%j', (part, wanted) => {
  expect(lineOf({ ...state, ...part }, 100)).toBe(wanted);
});

test('it fits: first the bar goes, then what is at the end', () => {
  const all = { value: 5e8, total: 1e9, seconds: 2, eta: 200, files: 1200 };
  for (let columns = 1; columns < 120; columns++) {
    expect(lineOf(all, columns).length).toBeLessThan(columns);
  }
  expect(lineOf(all, 70)).toBe('50 %  500 MB of 1.0 GB  250 MB/s  3 min 20 s left  1200 files');
  expect(lineOf(all, 30)).toBe('50 %  500 MB of 1.0 GB');
});
