// How ports and find write the end of a socket: as ss does.
import { expect, test } from 'vitest';
import { endOf } from '../../../src/cli/container-sockets.ts';

test.each([
  [{ address: '0.0.0.0', port: 80, interface: undefined }, '0.0.0.0:80'],
  [{ address: '127.0.0.53', port: 53, interface: 'lo' }, '127.0.0.53%lo:53'],
  [{ address: '::', port: 443 }, '[::]:443'],
  [{ address: 'fe80::1', port: 546, interface: 'eth0' }, '[fe80::1]%eth0:546'],
])('%j', (end, text) => {
  expect(endOf(end)).toBe(text);
});
