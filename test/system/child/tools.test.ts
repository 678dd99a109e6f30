// Programs of ours in containers that have none: what lies where, what the container sees of them and
// gets by them, what a hostile root directory does about it, and what is left.
import { execFileSync, spawn as nodeSpawn, spawnSync as nodeSpawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Capability, type SpawnOptions, spawn, spawnSync } from 'linux-namespaces';
import { beforeAll, describe, expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';
import { freeze } from '../shared/freezer.ts';
import { noTools } from '../shared/kernel.ts';
import { errorOf, fdCount, hasProgram } from '../shared/support.ts';
import { startRootless } from './fixtures/rootless.ts';
import { opener, settings } from './fixtures/settings.ts';
import {
  folder,
  type Kind,
  makeImage,
  outcome,
  type Started,
  startTarget,
} from './fixtures/targets.ts';

/** As Alpine's: a program that musl's loader loads, and busybox. */
function makeMuslImage(): string {
  const root = makeImage();
  const source = join(root, 'tmp/musl.c');
  const waits = 'if (argc > 1) for (;;) pause();';
  const main = `int main(int argc, char** argv) { puts("works"); fflush(stdout); ${waits} }`;
  writeFileSync(source, `#include <stdio.h>\n#include <unistd.h>\n${main}\n`);
  execFileSync('musl-gcc', ['-o', join(root, 'bin/musl'), source]);
  const program = execFileSync('readelf', ['-l', join(root, 'bin/musl')], { encoding: 'utf8' });
  const loader = /interpreter: (\S+)\]/.exec(program)?.[1] as string;
  mkdirSync(join(root, 'lib'));
  copyFileSync(loader, join(root, loader));
  const busybox = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();
  copyFileSync(busybox, join(root, 'bin/busybox'));
  const applets = ['sh', 'cat', 'ps', 'ip', 'netstat', 'ls', 'id', 'mount', 'find', 'df', 'stat'];
  for (const name of applets) symlinkSync('busybox', join(root, 'bin', name));
  return root;
}

const needed = noTools && ` [${noTools}]`;

type Types = Parameters<typeof startTarget>[0];

const container: Types = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts'];
const dockers = [
  ...['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'SETPCAP'],
  ...['NET_BIND_SERVICE', 'NET_RAW', 'SYS_CHROOT', 'MKNOD', 'AUDIT_WRITE', 'SETFCAP'],
].map(name => `CAP_${name}` as Capability);
const bits = { CAP_NET_ADMIN: 12n, CAP_NET_RAW: 13n, CAP_SYS_PTRACE: 19n };

/** What Docker covers of /proc and /sys, and the capabilities that it leaves. */
const engine = [
  'sh',
  '-c',
  `for name in sys sysrq-trigger irq bus fs; do
     test -e /proc/$name || continue
     mount --bind /proc/$name /proc/$name && mount -o remount,bind,ro /proc/$name || exit
   done
   test ! -d /proc/acpi || mount -t tmpfs -o ro none /proc/acpi
   mount --bind /dev/null /proc/timer_list
   mount -t sysfs -o ro none /sys && exec "$@"`,
  'sh',
  ...['setpriv', '--inh-caps=-all', '--bounding-set'],
  `-all,${dockers.map(name => `+${name.slice(4).toLowerCase()}`).join()}`,
];

const tool = (target: number, line: string, options: SpawnOptions = {}) =>
  outcome(spawn('sh', ['-c', line], { target, tools: true, ...options }));

/** Of what this machine has, each with how it says that it works; PID is the target's, as inside. */
const programs: Record<string, string> = {
  ps: 'ps -p PID -o comm=',
  ip: 'ip -br link show lo',
  ss: 'ss -nltu',
  ls: 'ls /container/.',
  python3: "/usr/bin/python3 -c 'import ssl, socket'",
  perl: "perl -MFile::Find -e 'print 1'",
  id: 'id -u',
  mount: 'mount',
  find: 'find /container -maxdepth 1',
  openssl: 'openssl version',
  strace:
    'strace -qq -o /dev/null -p PID & until grep -q "TracerPid:.[1-9]" /proc/PID/status; do sleep 0.02; done; kill $!; wait $! || true',
};
/** Debian's perl-base has the program, and not all that belongs to it. */
const hasPerl = nodeSpawnSync('perl', ['-MFile::Find', '-e', '1']).status === 0;
const has = (name: string) => {
  if (name === 'perl') return hasPerl;
  return hasProgram(name) && (name !== 'python3' || existsSync('/usr/bin/python3'));
};
const installed = Object.keys(programs).filter(has);

/** Those that have failed, with what they have said. */
async function failing(target: number, inside: number, options: SpawnOptions = {}) {
  const script = installed.map(
    name => `( ${programs[name]?.replaceAll('PID', `${inside}`)} ) >/tmp/out 2>&1 </dev/null ||
      { echo ${name}: $?; cat /tmp/out; }`,
  );
  const { stdout, stderr, code } = await tool(target, script.join('\n'), options);
  return { said: stdout + stderr, code };
}
const works = { said: '', code: 0 };

describe.skipIf(noTools)(`the tools of this machine${needed}`, () => {
  const image = (): Kind => ({ root: makeImage() });
  const readOnly = ['sh', '-c', 'mount -o remount,bind,ro / && exec "$@"', 'sh'];
  test.each<[string, Types, () => Kind]>([
    ['a plain process', [], () => ({})],
    ['a process in a chroot that is no mount point', [], image],
    ['an image of one static program', container, image],
    ['what an engine has restricted', container, () => ({ before: engine })],
    ['a root that is read-only', container, () => ({ before: readOnly })],
    ['a user namespace', [...container, 'user'], () => ({})],
    ['a user namespace alone', ['user'], () => ({})],
    ['a user namespace and an image', [...container, 'user'], image],
    ['--pid=host', container.filter(type => type !== 'pid'), () => ({})],
    ['--net=host', container.filter(type => type !== 'net'), () => ({})],
    ['a network alone', ['net'], () => ({})],
  ])('work in %s', async (_, types, kind) => {
    const { pid } = await startTarget(types, kind());
    expect(await failing(pid, types.includes('pid') ? 1 : pid)).toEqual(works);
  });

  test.each<[string, Types]>([
    ['with all of its own', [...container, 'user']],
    ['alone', ['user']],
  ])('for the owner of a user namespace, %s', async (_, types) => {
    const uid = 1000;
    const { pid } = await startTarget(types, { uid });
    const script = `import { spawn } from 'linux-namespaces';
      const child = spawn('sh', ['-c', 'id -u; ls /container; touch /usr/x; umount /usr; ip link show lo; : > /dev/null && echo null'],
        { target: ${pid}, tools: true, stdio: 'inherit' });
      child.on('error', error => console.log(error.message));`;
    const { stdout, stderr, code } = await outcome(
      nodeSpawn(process.execPath, ['--input-type=module', '-e', script], {
        uid,
        gid: uid,
        cwd: import.meta.dirname,
      }),
    );
    expect({ stdout, stderr, code }).toEqual({
      stdout: expect.stringMatching(/^0\n[\s\S]*\nusr\n[\s\S]* lo: [\s\S]*null\n$/),
      stderr: expect.stringMatching(/Read-only file system[\s\S]*umount/),
      code: 0,
    });
  });

  const fuse = ['fuse-overlayfs', 'busybox', 'mknod'].filter(name => !hasProgram(name)).join();
  test.skipIf(fuse)(
    `in a user namespace with its root on FUSE [needs ${fuse || 'nothing'}]`,
    async () => {
      await using rootless = await startRootless();
      const { stdout, stderr, code } = await tool(
        rootless.pid,
        'cat /etc/hosts; ls /container/bin/busybox; id -u',
      );
      expect({ stdout, stderr, code }).toEqual({
        stdout: 'rootless\n/container/bin/busybox\n0\n',
        stderr: '',
        code: 0,
      });
    },
  );

  test('in a frozen one', async context => {
    const paused = await startTarget(['mnt', 'pid']);
    const frozen = freeze(paused.pid);
    if (frozen === undefined) return context.skip('there is no freezer here');
    try {
      expect(await tool(paused.pid, 'ps -p 1 -o comm=')).toMatchObject({ stdout: 'probe\n' });
    } finally {
      frozen.thaw();
    }
  });

  test('with spawnSync, pipes and a terminal', async () => {
    const { pid: target } = await startTarget(container, { root: makeImage() });
    const sync = spawnSync('cat', [], { target, tools: true, input: 'through', encoding: 'utf8' });
    expect([sync.stdout, sync.status]).toEqual(['through', 0]);
    const child = spawn('sh', ['-c', 'stty size; tty; exit 3'], {
      target,
      tools: true,
      terminal: { columns: 90, rows: 30 },
    });
    let said = '';
    child.terminal.on('data', text => (said += text));
    const [code] = await once(child, 'exit');
    await new Promise(done => child.terminal.once('close', done).resume());
    // Its image has no devpts: the terminal is ours.
    expect([said, code]).toEqual([expect.stringMatching(/^30 90\r\n/), 3]);
  });

  test('of a directory that holds a root file system', async () => {
    const { pid: target } = await startTarget(container);
    const tools = makeImage();
    symlinkSync('../../../../etc/shadow', join(tools, 'lib'));
    const { stdout } = await outcome(spawn('/bin/probe', [], { target, tools }));
    expect(JSON.parse(stdout)).toMatchObject({ cwd: '/', pid: expect.any(Number) });
    const nothing = spawn('ls', [], { target, tools });
    const [error] = await once(nothing, 'error');
    expect(error).toMatchObject({ code: 'ENOENT', syscall: 'spawn ls' });
    const [none] = await once(spawn('ls', [], { target, tools: '/no/such' }), 'error');
    expect(none).toMatchObject({ code: 'ENOENT', syscall: 'open' });
  });

  const withoutMusl = ['musl-gcc', 'busybox'].filter(name => !hasProgram(name)).join();
  test.skipIf(withoutMusl)(
    `with musl: ours in its image, its in any [needs ${withoutMusl || 'nothing'}]`,
    async () => {
      const root = makeMuslImage();
      const image = await startTarget(container, { root, program: ['/bin/musl', 'wait'] });
      expect(await failing(image.pid, 1)).toEqual(works);

      const { pid } = await startTarget(container);
      const applets = ['ps', 'ip link show lo', 'netstat -nlt', 'ls /container/.', 'id', 'mount'];
      const lines = [...applets, 'find /bin', 'df /container', 'stat /container', 'musl'];
      const script = lines.map(line => `${line} >/tmp/out 2>&1 || { echo ${line}; cat /tmp/out; }`);
      for (const target of [pid, image.pid]) {
        const line = `${script.join('\n')}\nmusl; cat /proc/1/comm`;
        const end = await outcome(spawn('sh', ['-c', line], { target, tools: root }));
        const name = target === pid ? 'probe' : 'musl';
        expect(end).toMatchObject({ stdout: `works\n${name}\n`, stderr: '', code: 0 });
      }
    },
  );
});

describe.skipIf(noTools)(`what lies where${needed}`, () => {
  let target: Started;
  beforeAll(async () => {
    target = await startTarget(container, { before: engine, keep: true });
  });

  test('programs of ours, read-only, and the container', async () => {
    const { stdout } = await tool(
      target.pid,
      `ls /; for name in /usr /bin/ /etc/ssl /etc /tmp /container/tmp; do
         touch $name/x 2>/dev/null && { echo writable $name; rm $name/x; }
       done; stat -c %a /tmp; pwd; cat /proc/1/comm; env | sort; mount | grep ' on /container '`,
    );
    const lines = stdout.split('\n');
    for (const name of ['container', 'dev', 'etc', 'proc', 'sys', 'tmp', 'usr', 'var']) {
      expect(lines).toContain(name);
    }
    expect(lines.filter(line => line.startsWith('writable'))).toEqual(
      ['/tmp', '/container/tmp'].map(name => `writable ${name}`),
    );
    expect(lines).toEqual(
      expect.arrayContaining(['1777', '/', 'probe', 'HOME=/root', 'LANG=C.UTF-8']),
    );
    for (const name of ['opt', 'srv', 'boot', 'home/x', 'etc/ssl/private']) {
      expect(lines).not.toContain(name);
    }
    expect(stdout).not.toMatch(/^MARK|^npm_/m);
  });

  test('what the container mounts later is in /proc/1/root; what is mounted here is nowhere else', async () => {
    const own = join(folder, 'later');
    mkdirSync(own);
    const before = mountsOf(target.pid);
    const line = `echo ready; read line; cat /proc/1/root${own}/file; cat /container${own}/file 2>&1`;
    const child = spawn('sh', ['-c', line], { target: target.pid, tools: true });
    child.stdout.setEncoding('utf8');
    await once(child.stdout, 'data');
    const inside = ['-t', `${target.pid}`, '-m', 'sh', '-c'];
    execFileSync('nsenter', [...inside, `mount -t tmpfs later ${own}; echo seen > ${own}/file`]);
    let said = '';
    child.stdout.on('data', text => (said += text));
    child.stdin.end('\n');
    await once(child, 'close');
    expect(said).toMatch(/^seen\ncat: .* No such file/);
    execFileSync('nsenter', [...inside, `umount ${own}`]);

    const capabilities: Capability[] = ['CAP_SYS_ADMIN'];
    const mounting = await tool(
      target.pid,
      'mount -t tmpfs mine /container/tmp && mount -t tmpfs mine /proc/tty && mount -t tmpfs mine /mnt 2>/dev/null; grep -c mine /proc/self/mounts',
      { capabilities },
    );
    expect(mounting.stdout).toBe('2\n');
    expect(mountsOf(target.pid)).toBe(before);
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toMatch(/^mine/m);
  });

  test('where its mounts are shared, what it mounts later is seen', async () => {
    const before = ['sh', '-c', 'mount --make-rshared / && exec "$@"', 'sh'];
    const shared = await startTarget(container, { before });
    const own = join(folder, 'shared');
    mkdirSync(own);
    const child = spawn('sh', ['-c', `echo; read line; cat /container${own}/file`], {
      target: shared.pid,
      tools: true,
    });
    await once(child.stdout, 'data');
    const mount = `mount -t tmpfs later ${own}; echo seen > ${own}/file`;
    execFileSync('nsenter', ['-t', `${shared.pid}`, '-m', 'sh', '-c', mount]);
    const said = outcome(child);
    child.stdin.end('\n');
    expect(await said).toMatchObject({ stdout: 'seen\n' });
  });

  test('nothing is left: no descriptor, no mount, no process', async () => {
    await tool(target.pid, 'true');
    const [fds, own, theirs] = [fdCount(), mountsOf('self'), mountsOf(target.pid)];
    for (let i = 0; i < 5; i++) await tool(target.pid, i % 2 ? 'true' : 'ls /proc/self/fd');
    expect([mountsOf('self'), mountsOf(target.pid)]).toEqual([own, theirs]);
    expect(fdCount()).toBeLessThanOrEqual(fds);
    const { stdout } = await tool(target.pid, 'ls /proc/self/fd; ps -e -o comm=');
    expect(stdout.trim().split(/\s+/)).toEqual(['0', '1', '2', '3', 'probe', 'sh', 'ps']);
  });
});

const mountsOf = (pid: number | 'self') => readFileSync(`/proc/${pid}/mountinfo`, 'utf8');

describe.skipIf(noTools)(`rights${needed}`, () => {
  const more = async (options: SpawnOptions, types: Types = container, kind: Kind = {}) => {
    const { pid } = await startTarget(types, { before: engine, ...kind });
    const status = 'grep -h ^Cap /proc/self/status /container/proc/self/status';
    const { stdout } = await tool(pid, `id -u; ${status}`, options);
    const effective = BigInt(`0x${/^CapEff:\s*(\w+)/m.exec(stdout)?.[1]}`);
    return Object.entries(bits)
      .filter(([, bit]) => (effective >> bit) & 1n)
      .map(([name]) => name);
  };
  const [admin, raw, trace] = Object.keys(bits) as [string, string, string];

  test('those of the target, and what looking takes, where that is not ours', async () => {
    expect(await more({})).toEqual([admin, raw, trace]);
    expect(await more({ uid: 1, gid: 1 })).toEqual([admin, raw, trace]);
    expect(await more({ capabilities: [] })).toEqual([]);
  });

  test('not over processes or a network of this machine', async () => {
    // Docker's have CAP_NET_RAW.
    const without = (type: string) => container.filter(other => other !== type);
    const sysfs = ['sh', '-c', 'exec "$@"', ...engine.slice(3)];
    expect(await more({}, without('net'), { before: sysfs })).toEqual([raw, trace]);
    expect(await more({}, without('pid'))).toEqual([admin, raw]);
    const named = ['mnt', 'pid', 'net'] as const;
    expect(await more({ namespaces: named }, without('net'), { before: sysfs })).toEqual([
      raw,
      trace,
    ]);
  });

  test('root of a user namespace does not make ours writable', async () => {
    const { pid } = await startTarget([...container, 'user']);
    const lines = ['/usr', '/etc/ssl/certs', '/etc/alternatives'].flatMap(name => [
      `mount -o remount,bind,rw ${name} && echo remounted`,
      `touch ${name}/x && echo written`,
    ]);
    const { stdout } = await tool(pid, `id -u; ${lines.join('\n')}`);
    expect(stdout).toBe('0\n');
  });
});

describe.skipIf(noTools || !hasPerl)(`settings of the machine [needs perl]${needed}`, () => {
  const attackers = { '(1)': dockers, '(2)': [...dockers, 'CAP_SYS_PTRACE'] } as Record<
    string,
    Capability[]
  >;

  test('no file can be written by the tools', { timeout: seconds(120) }, async () => {
    const { pid } = await startTarget(container, { before: engine });
    const paths = settings.flatMap(name => [`/${name}`, `/container/${name}`]);
    const child = spawn('perl', ['-e', opener, ...paths], { target: pid, tools: true });
    const { stdout, stderr } = await outcome(child);
    const [count, open] = stdout.split('\n');
    expect(Number(count)).toBeGreaterThan(1000);
    expect([open, stderr]).toEqual(['', '']);
  });

  test.each(Object.keys(attackers))(
    'nor by the container, of strength %s, through /proc/PID/root of a tool',
    { timeout: seconds(120) },
    async name => {
      const { pid } = await startTarget(container, { before: engine });
      const held = spawn('sh', ['-c', 'echo $$; read line'], { target: pid, tools: true });
      const [text] = await once(held.stdout, 'data');
      const root = `/proc/${Number(String(text))}/root`;
      const attack = (file: string, args: string[]) =>
        outcome(spawn(file, args, { target: pid, capabilities: attackers[name] }));
      const paths = settings.map(name => `${root}/${name}`);
      const { stdout } = await attack('perl', ['-e', opener, ...paths]);
      const [count, open] = stdout.split('\n');
      expect(open).toBe('');
      const seen = await attack('sh', [
        '-c',
        `ls ${root}/usr/bin/env ${root}/container; touch ${root}/usr/x ${root}/usr/bin/x; ls -l ${root}/../fd; cat ${root}/../environ`,
      ]);
      if (name === '(1)') {
        expect([Number(count), seen.stdout]).toEqual([0, '']);
      } else {
        expect(Number(count)).toBeGreaterThan(1000);
        expect(seen.stdout).toMatch(/usr\/bin\/env/);
        expect(seen.stderr).toMatch(/Read-only file system/);
      }
      held.stdin.end('\n');
      await once(held, 'close');
    },
  );
});

describe.skipIf(noTools)(`a hostile root directory${needed}`, () => {
  const remove = (root: string) => {
    for (const name of ['proc', 'dev', 'sys']) {
      rmSync(join(root, name), { recursive: true, force: true });
    }
  };

  test('links, FIFOs, devices and endless files in its /etc', async () => {
    const root = makeImage();
    const etc = join(root, 'etc');
    execFileSync('mknod', [join(etc, 'hosts'), 'c', '1', '5']);
    execFileSync('mkfifo', [join(etc, 'passwd')]);
    writeFileSync(join(etc, 'group'), '');
    truncateSync(join(etc, 'group'), 2 ** 33);
    symlinkSync('../../../../../../proc/self/environ', join(etc, 'resolv.conf'));
    symlinkSync('/etc/shadow', join(etc, 'hostname'));
    const { pid } = await startTarget(container, { root });
    const { stdout } = await tool(
      pid,
      'cd /etc; ls hosts passwd group resolv.conf hostname; echo end',
    );
    expect(stdout).toBe('end\n');
    for (const name of ['hosts', 'passwd', 'group']) rmSync(join(etc, name));
    for (const name of ['resolv.conf', 'hostname']) rmSync(join(etc, name));
    writeFileSync(join(etc, 'hosts'), '127.0.0.1 inside\n');
    symlinkSync('hosts', join(etc, 'hostname'));
    const plain = await tool(pid, 'cat /etc/hosts /etc/hostname; getent hosts inside');
    expect(plain.stdout).toBe(`127.0.0.1 inside\n127.0.0.1 inside\n127.0.0.1       inside\n`);
  });

  test.each<[string, (root: string) => void]>([
    ['none', remove],
    [
      'links out',
      root => {
        remove(root);
        for (const name of ['proc', 'dev', 'sys']) {
          symlinkSync(`/tmp/../../../${name}`, join(root, name));
        }
      },
    ],
    [
      'files of its own',
      root => {
        for (const name of ['sys', 'proc/1', 'proc/self'])
          mkdirSync(join(root, name), { recursive: true });
        writeFileSync(join(root, 'proc/1/comm'), 'forged\n');
        writeFileSync(join(root, 'dev/null'), 'forged\n');
        writeFileSync(join(root, 'sys/kernel'), 'forged\n');
      },
    ],
  ])(
    '/proc, /dev and /sys are %s: processes alone, read-only, and our devices',
    async (_, spoil) => {
      const root = makeImage();
      // In a chroot, so that nobody mounts a /proc in it.
      const { pid } = await startTarget([], { root });
      spoil(root);
      const { stdout } = await tool(
        pid,
        `cat /proc/${pid}/comm; ls /proc | grep -v '^[0-9]'; ( echo x > /proc/self/comm ) 2>/dev/null && echo written; ls /sys;
       stat -c %t:%T /dev/null; : > /dev/null && echo works; chmod 666 /dev/null 2>/dev/null || echo fixed`,
      );
      expect(stdout).toBe('probe\nself\nthread-self\n1:3\nworks\nfixed\n');
    },
  );
});

describe('refused', () => {
  test.each<[string, object]>([
    ['root', { root: '/' }],
    ['root', { root: 'target' }],
    ['mountProc', { mountProc: true, unshare: ['pid'] }],
    ['env', { env: 'target' }],
    ['env', { env: ['target', { A: 'b' }] }],
    ['propagation', { propagation: 'slave', unshare: ['mnt'] }],
    ['userParent', { userParent: true }],
    ['tools', { target: undefined }],
    ['tools', { tools: 'relative' }],
    ['tools', { tools: 1 }],
    ['tools', { tools: '/a\0b' }],
  ])('%s with %j', async (name, options) => {
    const { pid: target } = await startTarget(['mnt', 'net']);
    const all = { target, tools: true, ...options } as SpawnOptions;
    const error = errorOf(() => spawn('true', [], all));
    expect(error.code).toMatch(/^ERR_INVALID_ARG_/);
    expect(error.message).toMatch(`options.${name}`);
  });

  test.skipIf(noTools)(`without its mount namespace${needed}`, async () => {
    const { pid: target } = await startTarget(['mnt', 'net']);
    const child = spawn('true', [], { target, tools: true, namespaces: ['net'] });
    const [error] = await once(child, 'error');
    expect(error).toMatchObject({ code: 'EINVAL', syscall: 'open_tree' });
    expect(error.message).toMatch(/mnt among options.namespaces/);
  });

  test.skipIf(!hasProgram('strace')).each(['mount_setattr', 'open_tree'])(
    'by name without %s [needs strace]',
    async call => {
      const { pid } = await startTarget(['mnt']);
      const script = `import { spawn } from 'linux-namespaces';
        spawn('true', [], { target: ${pid}, tools: true }).on('error', error => console.log(error.message));
        spawn('sh', ['-c', 'echo "without tools: $0"'], { target: ${pid}, stdio: 'inherit' });`;
      const inject = noTools ? [] : ['-e', `trace=${call}`, '-e', `inject=${call}:error=ENOSYS`];
      const node = [process.execPath, '--input-type=module', '-e', script];
      const options = { cwd: import.meta.dirname };
      const child = nodeSpawn(
        'strace',
        ['-f', '-qq', '-o', '/dev/null', ...inject, ...node],
        options,
      );
      const { stdout } = await outcome(child);
      expect(stdout).toMatch(/ENOSYS.*options\.tools needs Linux 5\.12/);
      expect(stdout).toMatch(/^without tools: sh$/m);
    },
  );
});
