// What an error says of why it came to be, in situations in which the obvious reason is not the one.
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { hasProgram } from '../shared/support.ts';
import { after, asUser, lent, nameless } from './fixtures/users.ts';

interface Said {
  code: string;
  syscall: string;
  advice: string;
}

const attempt = (options: string) => `say(await outcome(spawn('true', [], ${options})));`;
const absent = ['newuidmap', 'setpriv', 'strace'].filter(name => !hasProgram(name));

describe.skipIf(absent.length > 0)(`newuidmap refuses: its words, and why [${absent}]`, () => {
  const mapping = attempt("{ unshare: ['user'], idMap: ['root', 'auto'] }");
  const newuidmap = '/usr/bin/newuidmap';
  const copied = `cp ${newuidmap} /run/linux-namespaces-copy; chmod 755 /run/linux-namespaces-copy
    mount --bind /run/linux-namespaces-copy ${newuidmap}; rm /run/linux-namespaces-copy`;

  /** In a user namespace of root's that knows una, and not who is lent to una. */
  const below = [
    process.execPath,
    '--input-type=module',
    '-e',
    `import { spawn } from 'linux-namespaces';
    const [file, ...args] = process.argv.slice(1);
    const idMap = { inside: 0, outside: 0, length: 60_000 };
    spawn(file, args, { unshare: ['user'], idMap, stdio: 'inherit' });`,
    '--',
  ];

  test.each<[string, Parameters<typeof asUser>[1], RegExp]>([
    [
      'no_new_privs',
      { under: ['setpriv', '--no-new-privs'] },
      /^it said ".*"; no_new_privs is set/,
    ],
    ['no set-user-ID bit', { under: after(copied) }, /^it said ".*"; .*no set-user-ID bit/],
    [
      'nosuid',
      { under: after('mount --bind /usr/bin /usr/bin; mount -o remount,bind,nosuid /usr/bin') },
      /mounted nosuid/,
    ],
    [
      'another group than the one of the name',
      { gid: 54_000 },
      /our gid is 54000, and una has 54321/,
    ],
    [
      'a uid without a name',
      { uid: nameless, gid: nameless },
      /^it said ".+".*has no entry in \/etc\/passwd/,
    ],
    [
      'a user namespace that maps too little',
      { under: below },
      /we are in a user namespace already/,
    ],
  ])('%s', async (_, who, advice) => {
    const said: Said = JSON.parse(await asUser(mapping, who));
    expect(said).toMatchObject({ code: 'EPERM', syscall: 'newuidmap', type: 'user' });
    expect(said.advice).toMatch(advice);
    expect(said.advice).not.toMatch(/have to be lent/);
  });

  test('ids that are not lent: in its own words', async () => {
    const idMap = '{ inside: 0, outside: 2_000_000, length: 10 }';
    const lines = await asUser(
      `const options = { unshare: ['user'], idMap: ${idMap} };
      say(await outcome(spawn('true', [], options)));
      await createNamespaces(['user'], options).catch(({ advice }) => say({ advice }));`.replace(
        "createNamespaces(['user'], options)",
        `createNamespaces(['user'], { idMap: ${idMap} })`,
      ),
      {},
    );
    for (const line of lines.trim().split('\n')) {
      expect(JSON.parse(line).advice).toMatch(
        /^it said "newuidmap: .*2000000.*not allowed.*"; .*\/etc\/subuid/,
      );
    }
  });

  test('its words are bounded, and nothing in them steers a terminal', async () => {
    const program = `cat > /run/linux-namespaces-copy <<'END'
#!/bin/sh
printf '\\033[2J\\n\\r\\376second line\\n' >&2
head -c 100000 /dev/zero | tr '\\0' x >&2
exit 1
END
    chmod 755 /run/linux-namespaces-copy; mount --bind /run/linux-namespaces-copy ${newuidmap}; rm /run/linux-namespaces-copy`;
    const said: Said = JSON.parse(await asUser(mapping, { under: after(program) }));
    expect(said.advice).toMatch(/^it said "\\x1b\[2J \/ \\x0d.second line \/ x+"/);
    expect(said.advice.length).toBeLessThan(1000);
  });

  test('all rows of /etc/subuid and subgid are taken, by name and by number', async () => {
    const rows = `una:${lent.first}:1000\\nother:5:5\\n54321:800000:1\\nuna:900000:10\\nuna:x:y\\n`;
    const script = `printf '${rows}' > /run/linux-namespaces-rows
      for name in subuid subgid; do mount --bind /run/linux-namespaces-rows /etc/$name; done; rm /run/linux-namespaces-rows`;
    const lines = await asUser(
      `for (const idMap of ['auto', ['root', 'auto'], 'subids']) {
        const child = spawn('cat', ['/proc/self/uid_map', '/proc/self/gid_map'], { unshare: ['user'], idMap });
        say((await outcome(child)).out?.trim().split(/\\s+/).map(Number));
      }`,
      { under: after(script) },
    );
    const both = (numbers: number[]) => [...numbers, ...numbers];
    expect(
      lines
        .trim()
        .split('\n')
        .map(line => JSON.parse(line)),
    ).toEqual([
      both([0, lent.first, 1000, 1000, 800_000, 1, 1001, 900_000, 10]),
      both([0, 54_321, 1, 1, lent.first, 1000, 1001, 800_000, 1, 1002, 900_000, 10]),
      both([lent.first, lent.first, 1000, 800_000, 800_000, 1, 900_000, 900_000, 10]),
    ]);
  });
});

// No kernel here has it: its switch is a file of ours, and its refusals are strace's.
const restriction = "AppArmor's restriction of user namespaces [needs strace]";
describe.skipIf(!hasProgram('strace'))(restriction, () => {
  const name = 'apparmor_restrict_unprivileged_userns';
  const script = `mount -t tmpfs none /proc/sys/kernel; echo 1 > /proc/sys/kernel/${name}
    mount -t tmpfs none /mnt`;
  const options = `{ unshare: ['user', 'mnt', 'uts', 'net', 'pid'], idMap: 'root', hostname: 'x', loopback: true,
    root: '/mnt' }`;
  test.each([
    ['unshare', 'EPERM', options],
    ['unshare', 'EACCES', options],
    ['sethostname', 'EPERM', options],
    ['mount', 'EACCES', options],
    ['pivot_root', 'EACCES', options],
    ['umount2', 'EPERM', options],
    ['chroot', 'EPERM', "{ unshare: ['user'], idMap: 'root', root: '/mnt' }"],
    ['setresuid', 'EPERM', "{ unshare: ['user'], idMap: 'root', uid: 0 }"],
  ])('is named at %s (%s)', async (call, error, own) => {
    const inject = ['-e', `trace=${call}`, '-e', `inject=${call}:error=${error}`];
    const under = [...after(script), 'strace', '-f', '-qq', '-o', '/dev/null', ...inject];
    const said: Said = JSON.parse(await asUser(attempt(own), { under }));
    expect(said).toMatchObject({ code: error, syscall: call });
    expect(said.advice).toMatch(
      /run as root, or set the sysctl kernel\.apparmor_restrict_unprivileged_userns to 0/,
    );
  });
});

test('root is never told to become root', async () => {
  const bounded = [
    'setpriv',
    '--bounding-set',
    '-sys_admin,-sys_ptrace,-net_admin',
    '--inh-caps',
    '-sys_admin,-sys_ptrace,-net_admin',
  ];
  const lines = await asUser(
    `const attempts = [
      () => outcome(spawn('true', [], { unshare: ['net'] })),
      () => outcome(spawn('true', [], { target: process.ppid, namespaces: ['net'] })),
      () => createNamespaces(['net']),
      () => createNamespaces(['mnt']),
      async () => library.withNamespaces({ net: '/proc/1/ns/net' }, ['net'], () => {}),
      async () => library.openNamespaces(1, ['net']),
      () => library.listInterfaces(process.ppid),
      () => library.networks.create('never'),
    ];
    for (const attempt of attempts) {
      const { code, message } = await attempt().catch(error => error);
      say({ code, message });
    }`.replaceAll('process.ppid', 'process.pid'),
    { uid: 0, gid: 0, under: bounded },
  );
  const all = lines
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
  expect(all.filter(({ code }) => code === 'EPERM' || code === 'EACCES').length).toBeGreaterThan(3);
  for (const { message } of all) expect(message ?? '').not.toMatch(/run as root/);
});

test("root: '/' is the root directory that there is, in new mount namespaces too", async () => {
  expect(existsSync('/proc/self')).toBe(true);
  const lines = await asUser(
    `for (const root of ['/', '//', '/.', '/tmp/..']) {
      say(await outcome(spawn('sh', ['-c', 'pwd; ls -d /bin'], { unshare: ['user', 'mnt'], idMap: 'root', root })));
    }
    const handle = await createNamespaces(['user', 'mnt'], { idMap: 'root', root: '/' });
    say(await outcome(handle.spawn('sh', ['-c', 'pwd; ls -d /bin'])));
    handle.close();`,
    {},
  );
  for (const line of lines.trim().split('\n'))
    expect(JSON.parse(line)).toMatchObject({ code: 0, out: '/\n/bin\n' });
});
