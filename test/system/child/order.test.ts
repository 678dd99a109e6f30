// In which order the launcher does its steps, where the order decides what becomes of the child.
import { type ChildProcess, execFileSync, spawn as nodeSpawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { evaluate, openRoot, type SpawnOptions, spawn } from 'linux-namespaces';
import { afterAll, describe, expect, test } from 'vitest';
import { asUna } from '../create/fixtures/users.ts';
import { hasProgram, runScript, until } from '../shared/support.ts';
import { startRootless } from './fixtures/rootless.ts';
import { outcome } from './fixtures/targets.ts';

const said = async (file: string, args: readonly string[], options: SpawnOptions) => {
  const { stdout, stderr } = await outcome(spawn(file, args, options));
  return stdout + stderr;
};

const absent = ['fuse-overlayfs', 'busybox', 'mknod'].filter(name => !hasProgram(name));

describe.skipIf(absent.length > 0)(
  `by root, into a root on FUSE of a user namespace [${absent}]`,
  () => {
    test.each<SpawnOptions>([
      {},
      { credentials: 'inherit' },
      { unshare: ['mnt'] },
      { unshare: ['pid'] },
      { unshare: ['user'], idMap: 'root' },
      { root: '/' },
      { cwd: '/etc' },
      { uid: 5, gid: 6, groups: [7] },
      { namespaces: ['user', 'mnt'] },
      { namespaces: ['user'], root: 'target' },
    ])('spawn with %j', async options => {
      await using container = await startRootless();
      expect(await said('cat', ['/etc/hosts'], { target: container.pid, ...options })).toBe(
        'rootless\n',
      );
    });

    test('a worker', async () => {
      await using container = await startRootless();
      const work = () => process.getBuiltinModule('node:fs').readFileSync('/etc/hosts', 'utf8');
      expect(await evaluate(container.pid, 'all', work)).toBe('rootless\n');
    });

    test('it runs as whom it was to, with the rights that it was to have', async () => {
      await using container = await startRootless();
      const target = container.pid;
      const look = 'id -u; id -g; cat /proc/self/status';
      const of = async (options: SpawnOptions) => {
        const lines = (await said('sh', ['-c', look], { target, ...options })).split('\n');
        const field = (name: string) =>
          lines
            .find(line => line.startsWith(`${name}:`))
            ?.split('\t')
            .slice(1);
        return {
          uid: lines[0],
          gid: lines[1],
          uids: field('Uid'),
          groups: field('Groups')?.[0]?.trim(),
          effective: field('CapEff')?.[0],
          permitted: field('CapPrm')?.[0],
        };
      };
      const none = '0000000000000000';
      expect(await of({ uid: 5, gid: 6, groups: [7] })).toEqual({
        uid: '5',
        gid: '6',
        uids: ['5', '5', '5', '5'],
        groups: '7',
        effective: none,
        permitted: none,
      });
      expect(await of({ uid: 5, gid: 6, capabilities: ['CAP_KILL'] })).toMatchObject({
        uid: '5',
        effective: '0000000000000020',
        permitted: '0000000000000020',
      });
      expect(await of({ credentials: 'inherit' })).toMatchObject({
        uid: '0',
        gid: '0',
        groups: '',
      });
      expect(await of({ capabilities: [] })).toMatchObject({
        uid: '0',
        effective: none,
        permitted: none,
      });
    });

    test.each<SpawnOptions>([{ namespaces: ['mnt'] }, { namespaces: [], root: 'target' }])(
      'without its user namespace nobody is let in, which is said: %j',
      async options => {
        await using container = await startRootless();
        const target = container.pid;
        const advice = expect.stringMatching(/FUSE.*join user too/);
        const error = await said('cat', ['/etc/hosts'], { target, ...options }).catch(
          error => error,
        );
        expect(error).toMatchObject({ code: 'EACCES', syscall: 'fchdir', advice });
        expect(() => openRoot(target)).toThrow(expect.objectContaining({ code: 'EACCES', advice }));
      },
    );

    test('where nobody is 0, as who the program is', async () => {
      await using container = await startRootless({ inside: 100, length: 1000 });
      const target = container.pid;
      expect(await said('id', ['-u'], { target })).toBe('100\n');
      expect(await said('id', ['-u'], { target, uid: 105, gid: 106 })).toBe('105\n');
      const error = await said('id', ['-u'], { target, credentials: 'inherit' }).catch(
        error => error,
      );
      expect(error).toMatchObject({ code: 'EOVERFLOW', syscall: 'fchdir' });
      expect(error.advice).toMatch(/options\.uid and gid/);
    });
  },
);

const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
  .split('\n')
  .filter(line => / - cgroup2? /.test(line) && line.split(' ')[3] === '/')
  .map(line => line.split(' ')[4] as string);

describe.skipIf(mounts.length === 0)("cgroups [needs the host's]", () => {
  const made: string[] = [];
  const group = `linux-namespaces-${process.pid}`;
  const running: ChildProcess[] = [];
  afterAll(async () => {
    for (const child of running) child.kill('SIGKILL');
    for (const folder of made.reverse()) {
      await until(`${folder} to be empty`, () => {
        try {
          rmdirSync(folder);
          return true;
        } catch {
          return false;
        }
      });
    }
  });

  /** In one below ours in every hierarchy, as far as that may be made. */
  function target(name = group): number {
    const child = nodeSpawn('sleep', ['infinity'], { stdio: 'ignore' });
    running.push(child);
    for (const mount of mounts) {
      const folder = join(mount, name);
      if (!made.includes(folder)) {
        mkdirSync(folder);
        made.push(folder);
      }
      for (const file of ['cpuset.cpus', 'cpuset.mems']) {
        if (mount.endsWith('cpuset'))
          writeFileSync(join(folder, file), readFileSync(join(mount, file)));
      }
      writeFileSync(join(folder, 'cgroup.procs'), String(child.pid));
    }
    return child.pid as number;
  }
  const pathsOf = (text: string) =>
    text
      .trim()
      .split('\n')
      .map(line => line.split(':').slice(2).join(':'));

  test("cgroup: 'target' joins that of each hierarchy, version 1 and 2", async () => {
    const pid = target();
    const theirs = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
    expect(pathsOf(theirs).filter(path => path.endsWith(group)).length).toBe(mounts.length);
    const options = { target: pid, cgroup: 'target' } as const;
    expect(await said('cat', ['/proc/self/cgroup'], options)).toBe(theirs);
    const worker = () =>
      process.getBuiltinModule('node:fs').readFileSync('/proc/self/cgroup', 'utf8');
    const own = nodeSpawn('unshare', ['-n', 'sleep', 'infinity'], { stdio: 'ignore' });
    running.push(own);
    for (const folder of made) writeFileSync(join(folder, 'cgroup.procs'), String(own.pid));
    await until(
      'a network of its own',
      () =>
        execFileSync('readlink', [`/proc/${own.pid}/ns/net`], { encoding: 'utf8' }) !==
        execFileSync('readlink', ['/proc/self/ns/net'], { encoding: 'utf8' }),
    );
    expect(
      await evaluate(own.pid as number, { types: ['net'], cgroup: 'target' } as never, worker),
    ).toBe(theirs);
  });

  test.each([[['cgroup']], [['cgroup', 'pid']], [['cgroup', 'user']]] as const)(
    'with new %j: what was joined is its root',
    async unshare => {
      const options = { target: target(), namespaces: [], cgroup: 'target', unshare } as const;
      const seen = pathsOf(await said('cat', ['/proc/self/cgroup'], options));
      expect(seen.length).toBeGreaterThanOrEqual(mounts.length);
      expect(new Set(seen)).toEqual(new Set(['/']));
    },
  );

  test('a name with a colon, a space and "(deleted)" in it', async () => {
    const name = `${group}: x (deleted)`;
    const pid = target(name);
    const options = { target: pid, namespaces: [], cgroup: 'target' } as const;
    const seen = pathsOf(await said('cat', ['/proc/self/cgroup'], options));
    expect(seen.filter(path => path === `/${name}`).length).toBe(mounts.length);
  });

  test('a user may not: the file is named, and nothing is run', async () => {
    const pid = target();
    const line = await asUna(`
      try { spawn('true', [], { target: ${pid}, namespaces: [], cgroup: 'target' }); }
      catch ({ code, syscall, target }) { say({ code, syscall, target }); }
    `);
    const file = made.map(folder => `${folder}/cgroup.procs`);
    const { target: named, ...error } = JSON.parse(line);
    expect(error).toEqual({ code: 'EACCES', syscall: 'open' });
    expect(file).toContain(named);
  });

  test('something else is mounted over it: refused, and nothing is run', () => {
    const pid = target();
    const folder = join(mounts[0] as string, group);
    const cover = `mount -t tmpfs none ${folder} && : >${folder}/cgroup.procs && exec "$0" "$@"`;
    const source = `
      import { spawn } from 'linux-namespaces';
      try {
        spawn('true', [], { target: ${pid}, namespaces: [], cgroup: 'target' });
      } catch ({ code, syscall, target }) {
        console.log(JSON.stringify({ code, syscall, target }));
      }`;
    const line = runScript(source, ['unshare', '-m', 'sh', '-c', cover]);
    const file = `${folder}/cgroup.procs`;
    expect(JSON.parse(line)).toEqual({ code: 'ENOENT', syscall: 'open', target: file });
  });

  test('nothing is joined where the target is in ours', async () => {
    const ours = readFileSync('/proc/thread-self/cgroup', 'utf8');
    const options = { target: process.pid, namespaces: [], cgroup: 'target' } as const;
    expect(await said('cat', ['/proc/self/cgroup'], options)).toBe(ours);
  });
});

test("a user namespace that is nested in the owner's own, with what belongs to the one above", async () => {
  const lines = await asUna(`
    const made = spawn('unshare', ['-U', 'sh', '-c', 'echo ready; exec sleep infinity'], {
      unshare: ['user', 'mnt', 'uts', 'net'], idMap: 'root', hostname: 'above', killOnParentExit: true,
    });
    await once(made.stdout, 'data');
    const look = ['-c', 'hostname; readlink /proc/self/ns/user /proc/self/ns/mnt /proc/self/ns/net'];
    const link = type => fs.readlinkSync('/proc/' + made.pid + '/ns/' + type);
    const wanted = ['above', link('user'), link('mnt'), link('net'), ''].join('\\n');
    for (const namespaces of [['user', 'mnt', 'uts', 'net'], 'all']) {
      const seen = await outcome(spawn('sh', look, { target: made.pid, namespaces, credentials: 'inherit' }));
      say(seen.out === wanted ? 'inside' : seen);
    }
    const types = ['user', 'mnt', 'uts', 'net'];
    const name = () => process.getBuiltinModule('node:os').hostname();
    say(await library.evaluate(made.pid, { types, credentials: 'inherit' }, name).catch(error => error.message));
    say(await outcome(spawn('hostname', [], { target: made.pid, namespaces: ['uts'], userParent: true })));
    made.kill('SIGKILL');
  `);
  const seen = lines
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
  expect(seen).toEqual(['inside', 'inside', 'above', { code: 0, signal: null, out: 'above\n' }]);
});

test('userParent in the first user namespace: what there is none of', () => {
  const call = () =>
    spawn('true', [], { target: process.pid, namespaces: ['net'], userParent: true });
  expect(call).toThrow(
    expect.objectContaining({
      code: 'EPERM',
      syscall: 'ioctl',
      advice: expect.stringContaining('options.userParent'),
    }),
  );
});
