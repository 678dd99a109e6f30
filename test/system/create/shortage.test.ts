/** A shortage, or a machine that is slow, while namespaces are made and looked for. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hasProgram, runScript } from '../shared/support.ts';

const strace = (call: string, how: string, ...more: string[]) => [
  ...['strace', '-f', '-qq', '-o', '/dev/null', ...more],
  ...['-e', `trace=${call}`, '-e', `inject=${call}:${how}`],
];

const children = `
  import fs from 'node:fs';
  import * as library from 'linux-namespaces';
  const childrenOf = tid => {
    try {
      return fs.readFileSync('/proc/self/task/' + tid + '/children', 'utf8').split(' ').filter(Boolean);
    } catch {
      return []; // a thread that has ended since: its children are another one's, or nobody's
    }
  };
  const children = () => fs.readdirSync('/proc/self/task').flatMap(childrenOf);`;

test.skipIf(!hasProgram('strace'))(
  'with an init, this process has one child more when it gets the namespaces, and no other [needs strace]',
  () => {
    // Each process takes half a second to end by itself.
    const found = runScript(
      `${children}
    const made = await library.createNamespaces(['pid', 'net'], { init: true });
    const names = children().map(pid => fs.readFileSync('/proc/' + pid + '/comm', 'utf8').trim());
    fs.writeSync(1, JSON.stringify(names));
    process.exit();`,
      strace('exit_group', 'delay_enter=500000'),
    );
    expect(JSON.parse(found)).toEqual(['init']);
  },
);

test('what writes the maps cannot be asked to: an error, and no waiting', () => {
  const folder = mkdtempSync(join(os.tmpdir(), 'linux-namespaces-'));
  try {
    const starved = join(folder, 'starved');
    const source = new URL('../child/fixtures/starved.c', import.meta.url).pathname;
    execFileSync('cc', ['-O1', '-o', starved, source]);
    const found = runScript(
      `${children}
      const error = await library.createNamespaces(['user', 'net'], { idMap: 'root' }).catch(e => e);
      console.log(JSON.stringify([error.name, error.code, children()]));`,
      [starved, 'sendto'],
    );
    expect(JSON.parse(found)).toEqual(['NamespaceError', 'EPIPE', []]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.skipIf(!hasProgram('strace'))(
  'a network that cannot be opened for want of files is no reason to leave it out [needs strace]',
  () => {
    const make = `mkdir -p /run/netns; mount -t tmpfs networks /run/netns
    touch /run/netns/left /run/netns/short; mount --bind /proc/self/ns/net /run/netns/short; exec "$@"`;
    const found = runScript(
      `import { networks } from 'linux-namespaces';
    let said;
    try { said = networks.list(); } catch (error) { said = [error.name, error.code, error.message]; }
    console.log(JSON.stringify(said));`,
      [
        ...['unshare', '--mount', 'sh', '-ec', make, 'sh'],
        ...strace('openat', 'error=EMFILE', '-P', '/run/netns/short'),
      ],
    );
    expect(JSON.parse(found)).toEqual([
      'NamespaceError',
      'EMFILE',
      expect.stringContaining('net of /run/netns/short'),
    ]);
  },
);
