// Answers of netlink that are shorter than they say, and otherwise not as the kernel writes them.
import { expect, test } from 'vitest';
import { interfaceAddress, interfaceInfo } from '../../../src/inspect/interfaces.ts';
import { bodies, linkName } from '../../../src/inspect/netlink.ts';
import { internet, unix } from '../../../src/inspect/sock-diag.ts';

/** A message with attributes of these types, each of `size` bytes. */
function message(struct: number, types: number[], size: number): Uint8Array {
  const each = (4 + size + 3) & ~3;
  const bytes = new Uint8Array(16 + struct + types.length * each);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, 20, true);
  bytes[16] = 2; // AF_INET
  types.forEach((type, i) => {
    view.setUint16(16 + struct + i * each, 4 + size, true);
    view.setUint16(18 + struct + i * each, type, true);
  });
  return bytes;
}

const kinds: [string, number, number[], (body: DataView) => unknown][] = [
  ['inet_diag_msg', 72, [11, 1], body => internet(body, 1, new Map())],
  ['unix_diag_msg', 16, [0, 2, 4, 7], unix],
  ['ifinfomsg', 16, [1, 3, 4, 5, 10, 16, 18, 23, 37], body => interfaceInfo(body, [])],
  ['ifinfomsg, its name', 16, [3], linkName],
  ['ifaddrmsg', 8, [1, 2, 3, 4], interfaceAddress],
];

test.each(kinds)('%s: cut, short, or longer than it is', (_, struct, types, parse) => {
  const attempt = (bytes: Uint8Array) => {
    try {
      for (const body of bodies(bytes, struct)) parse(body);
    } catch (error) {
      expect(error).toMatchObject({ name: 'NamespaceError', code: 'EPROTO' });
    }
  };
  for (const size of [0, 1, 2, 3, 4, 5, 7, 8, 16, 200]) {
    const whole = message(struct, types, size);
    attempt(whole);
    for (let length = 0; length < whole.length; length++) attempt(whole.slice(0, length));
    // The length of the message, and that of each byte in turn, is anything.
    for (let at = 0; at < whole.length; at++) {
      for (const value of [0, 1, 3, 15, 16, 17, 255]) {
        const wrong = whole.slice();
        wrong[at] = value;
        attempt(wrong);
      }
    }
  }
});

test('a message that is shorter than its struct is refused, one that ends the list is left out', () => {
  expect(() => bodies(message(4, [], 0), 72)).toThrow(/EPROTO/);
  const done = message(72, [], 0);
  new DataView(done.buffer).setUint16(4, 3, true);
  expect(bodies(done, 72)).toEqual([]);
  expect(bodies(new Uint8Array(0), 72)).toEqual([]);
});
