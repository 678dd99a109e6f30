// What an error says in real containers: a table of situation and message. The engine's seccomp filter
// refuses what would be allowed without it, and the other way round.

import { realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Docker, missing, startDocker } from '../../engines/index.ts';

const absent = missing('dockerd', 'runc', 'iptables');
const repository = resolve(import.meta.dirname, '../../..');
// The image has nothing that Node needs: it comes with its libraries from here.
const node = realpathSync(process.execPath);
const folders = new Set(['/usr', '/lib', '/lib64', dirname(node), repository]);
const volumes = [...folders].flatMap(folder => ['-v', `${realpathSync(folder)}:${folder}:ro`]);

const source = `
import { once } from 'node:events';
import { createNamespaces, spawn, withNamespaces, openNamespaces } from '${repository}/lib/index.js';
const spawned = options => async () => {
  const child = spawn('/usr/bin/true', [], { stdio: 'ignore', ...options });
  const [code] = await once(child, 'close');
  return code;
};
const attempts = {
  net: spawned({ unshare: ['net'] }),
  user: spawned({ unshare: ['user'], idMap: 'root' }),
  'user and mnt': spawned({ unshare: ['user', 'mnt'], idMap: 'root' }),
  root: spawned({ unshare: ['mnt'], root: '/tmp' }),
  hostname: spawned({ unshare: ['uts'], hostname: 'x' }),
  loopback: spawned({ unshare: ['net'], loopback: true }),
  'create net': () => createNamespaces(['net']),
  'create net with loopback': () => createNamespaces(['net'], { loopback: true }),
  'create mnt': () => createNamespaces(['mnt']),
  join: spawned({ target: { net: '/proc/self/ns/net' }, namespaces: ['net'] }),
  callback: async () => withNamespaces({ net: '/proc/self/ns/net' }, ['net'], () => {}),
};
for (const [name, attempt] of Object.entries(attempts)) {
  const said = await attempt().then(() => 'works', ({ code, syscall, advice }) => [code, syscall, advice].join(' | '));
  console.log(JSON.stringify([name, said]));
}
process.exit();
`;

const filter = /a seccomp filter is in force \(Seccomp: 2 in \/proc\/self\/status\)/;
const missingAdmin = /^EPERM \| \w+ \| .*CAP_SYS_ADMIN is missing/;
const both =
  /^EPERM \| \w+ \| CAP_SYS_ADMIN is missing, .*a seccomp filter is in force .*--cap-add SYS_ADMIN/;
/** Never what has been done already. */
const past =
  /pivot_root \| a seccomp filter is in force [^:]*: 2 [^:]*: --security-opt seccomp=PROFILE lets it through/;
const works = /^works$/;

describe.skipIf(absent)(`errors in a container of Docker [${absent || 'installed'}]`, () => {
  let docker: Docker;
  beforeAll(async () => {
    docker = await startDocker();
  }, 120_000);
  afterAll(() => docker?.stop());

  async function said(...flags: string[]): Promise<Record<string, string>> {
    const { stdout, stderr } = await docker.try(
      'run',
      '--rm',
      ...volumes,
      ...flags,
      'busybox:1',
      node,
      '--input-type=module',
      '-e',
      source,
    );
    const lines = stdout.trim().split('\n').filter(Boolean);
    expect(lines.length, stderr).toBe(11);
    return Object.fromEntries(lines.map(line => JSON.parse(line)));
  }

  const user = ['--user', '1000:1000'];
  const unconfined = ['--security-opt', 'seccomp=unconfined'];
  test.each<[string, string[], Record<string, RegExp>]>([
    [
      'root, with the default filter',
      [],
      {
        net: both,
        user: filter,
        'user and mnt': filter,
        root: both,
        'create net': both,
        'create mnt': both,
        join: filter,
        callback: filter,
      },
    ],
    [
      'a user, with the default filter',
      user,
      { net: both, user: filter, 'user and mnt': filter, 'create net': both, 'create mnt': both },
    ],
    [
      'root, without a filter',
      unconfined,
      {
        net: missingAdmin,
        user: works,
        'create net': missingAdmin,
        'create mnt': missingAdmin,
        callback: missingAdmin,
      },
    ],
    [
      'a user, without a filter',
      [...user, ...unconfined],
      {
        net: /CAP_SYS_ADMIN is missing: run as root, or create a user namespace, too/,
        user: works,
        'create net': /run as root, or create a user namespace, too/,
      },
    ],
    [
      'root with CAP_SYS_ADMIN',
      ['--cap-add', 'SYS_ADMIN'],
      {
        net: works,
        user: works,
        root: past,
        hostname: works,
        loopback: /options\.loopback needs CAP_NET_ADMIN/,
        'create net with loopback': /options\.loopback needs CAP_NET_ADMIN/,
        join: works,
        callback: works,
      },
    ],
    [
      'root with all rights',
      [
        ...unconfined,
        ...['SYS_ADMIN', 'NET_ADMIN', 'SYS_PTRACE'].flatMap(name => ['--cap-add', name]),
      ],
      {
        net: works,
        user: works,
        root: /^ENOENT \| spawn \/usr\/bin\/true/,
        loopback: works,
        'create mnt': works,
      },
    ],
  ])('%s', async (who, flags, wanted) => {
    const table = await said(...flags);
    for (const [name, message] of Object.entries(wanted))
      expect(table[name], name).toMatch(message);
    for (const message of Object.values(table)) {
      if (!who.startsWith('a user')) expect(message).not.toMatch(/run as root/);
      if (flags.includes(unconfined[1] as string)) expect(message).not.toMatch(/filter/);
    }
  });
});
