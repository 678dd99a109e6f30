import { expect, test } from 'vitest';
import { failure, invalidValue, refusal } from '../../src/base/errors.ts';
import { printable, printableJson } from '../../src/base/printable.ts';

/** C0, DEL, C1, bidirectional, separators, no width, tags, and half of a pair. */
const bad = [
  ...['\0', '\u0007', '\t', '\n', '\r', '\u001b', '\u007f', '\u0080', '\u009b', '\u009f', '\u00ad'],
  ...['\u061c', '\u200b', '\u200e', '\u200f', '\u2028', '\u2029', '\u202a', '\u202e', '\u2066'],
  ...['\u2069', '\ufeff', '\u{e0001}', '\u{e007f}', '\ud800', '\udfff'],
];
const good = ['a', ' ', 'ä', 'ж', '中', '\u{1f600}', '─', '\\x1b'];
const raw = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

test.each(bad.map(text => [JSON.stringify(text), text]))('%s is never printed', (_, text) => {
  const around = `a${text}b`;
  expect(printable(around)).toMatch(/^a\\[xu].+b$/);
  expect(printable(around)).not.toMatch(raw);
  const json = printableJson({ [around]: [around] });
  expect(json.replaceAll('\n', '')).not.toMatch(raw);
  expect(JSON.parse(json)).toEqual({ [around]: [around] });
  for (const { message } of [
    failure(-2, 'open', { target: around, advice: around }),
    refusal(['net'], around),
    invalidValue('name', 'another', around),
  ]) {
    expect(message).not.toMatch(raw);
  }
});

test.each(good.map(text => [text]))('%s is printed as it is', text => {
  expect(printable(text)).toBe(text);
  expect(printableJson([text])).toContain(JSON.stringify(text));
});

test('numbers that JSON has not are numbers', () => {
  expect(JSON.parse(printableJson({ id: 5n, list: [1] }))).toEqual({ id: 5, list: [1] });
});

test('JSON has the lines of JSON.stringify', () => {
  const value = {
    list: [1, 'a"b', null, true, [], {}, [[]], { a: undefined, b: [undefined] }],
    date: new Date(0),
    none: undefined,
    'a key': { nested: { more: -1.5, nan: Number.NaN } },
  };
  for (const one of [value, [value], [], {}, 'text', 5, null, false]) {
    expect(printableJson(one)).toBe(JSON.stringify(one, null, 3));
  }
});

test('JSON of what is nested as deep as processes can be, and of what is as wide', () => {
  type Node = { pid: number; children: Node[] };
  const top: Node = { pid: 0, children: [] };
  let at = top;
  for (let pid = 1; pid < 32_768; pid++) {
    const node = { pid, children: [] };
    at.children.push(node);
    at = node;
  }
  const json = printableJson([top]);
  expect(json.length).toBeLessThan(32_768 * 5 * 250);
  let [node] = JSON.parse(json);
  let depth = 0;
  for (; node?.pid === depth; [node] = node.children) depth++;
  expect(depth).toBe(32_768);
  const wide = Array.from({ length: 300_000 }, (_, i) => i);
  expect(printableJson(wide)).toBe(JSON.stringify(wide, null, 3));
});
