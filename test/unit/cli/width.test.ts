// What a text takes in a terminal: names of containers and processes have any letters.
import { expect, test } from 'vitest';
import { cutTo, widthOf } from '../../../src/cli/width.ts';

test.each([
  ['plain', 5],
  ['datei-ü', 7],
  ['u\u0308ber', 4],
  ['日本', 4],
  ['한국', 4],
  ['ｗｅｂ', 6],
  ['👩‍👩‍👧 x', 4],
  ['🇩🇪', 2],
  ['a\u200bb', 2],
  ['└─ x', 4],
])('%j takes %i columns', (text, columns) => {
  expect(widthOf(text)).toBe(columns);
  expect(cutTo(text, columns)).toBe(text);
  expect(cutTo(text, columns - 1)).not.toBe(text);
});

test('a character that does not fit is left out as a whole', () => {
  expect(cutTo('a日本', 2)).toBe('a');
  expect(cutTo('a日本', 3)).toBe('a日');
  expect(cutTo('x👩‍👩‍👧y', 2)).toBe('x');
  expect(cutTo('u\u0308b', 1)).toBe('u\u0308');
  expect(cutTo('日', 0)).toBe('');
});
