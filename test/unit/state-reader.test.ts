// A reader of one user's files stands in the same root as that of all.
import { expect, test } from 'vitest';
import { Reader } from '../../src/containers/reader.ts';

test.each([
  [undefined, ''],
  ['/', ''],
  ['/host/', '/host'],
  ['host', `${process.cwd()}/host`],
])('root %s', async (given, root) => {
  const all = new Reader(given);
  const ofUser = all.of('/home/user', 1000);
  for (const reader of [all, ofUser]) {
    expect(reader.root).toBe(root);
    expect(reader.outside('/home/user/bundle')).toBe(`${root}/home/user/bundle`);
    expect(reader.inside(`${root}/run/user/1000`)).toBe('/run/user/1000');
    if (root === '') expect(await reader.locate('/home/user')).toBe('/home/user');
  }
});
