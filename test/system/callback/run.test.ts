import { readlinkSync } from 'node:fs';
import os from 'node:os';
import { createNamespaces } from 'linux-namespaces';
import { expect, test } from 'vitest';

const place = () => readlinkSync('/proc/thread-self/ns/net');

test('a callback runs inside, and the thread is back afterwards', async () => {
  const home = place();
  using lab = await createNamespaces(['net', 'uts'], { hostname: 'blue' });
  const inside = lab.run(() => [place(), os.hostname()]);
  expect(inside).toEqual([`net:[${lab.inode('net')}]`, 'blue']);
  expect(place()).toBe(home);
});
