// What a container does to get hold of the machine by programs of ours that run in it (`tools`).
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawn, spawnSync } from 'linux-namespaces';
import { expect, test } from 'vitest';
import { attack, hasProgram, start, startTarget, until } from '../shared/support.ts';
import { folder, makeImage, startTarget as startImage } from './fixtures/targets.ts';

const locale = { LC_ALL: 'C' };

function inTools(target: number, script: string) {
  const env = [{ PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }, locale];
  return spawnSync('sh', ['-c', script], { target, tools: true, encoding: 'utf8', env });
}

test.skipIf(!hasProgram('strace'))(
  'a root without /proc brings nobody with our rights before its processes [needs strace]',
  () => {
    expect(attack('no-proc')).toBe('won 0 of 5');
  },
);

test('root of a user namespace that is our root does not make our programs writable', async () => {
  await using target = await startTarget('--user', '--map-root-user', '--mount', '--pid');
  // What would be written to is the mount, not a file: who could do that could do the other.
  const { stdout, status } = inTools(
    target.pid,
    `for options in rw suid dev; do mount -o remount,bind,$options /usr 2>/dev/null && echo $options; done
     mkdir /tmp/usr && mount --bind /usr /tmp/usr && mount -o remount,bind,rw /tmp/usr 2>/dev/null && echo bound
     unshare --mount mount -o remount,bind,rw /usr 2>/dev/null && echo unshared
     true`,
  );
  expect([stdout, status]).toEqual(['', 0]);
});

test('nor, with a map of one user below it, those that it creates itself', async () => {
  await using target = await startTarget('--mount', '--pid');
  const { stdout, stderr } = spawnSync(
    'sh',
    ['-c', 'id -u; mount -o remount,bind,rw /usr 2>/dev/null && echo writable'],
    {
      target: target.pid,
      tools: true,
      unshare: ['user'],
      idMap: { uid: ['root'], gid: ['root'] },
      credentials: 'inherit',
      encoding: 'utf8',
    },
  );
  expect([stdout, stderr]).toEqual(['0\n', '']);
});

test('where it has no devices, ours are used and stay as they are', async () => {
  await using target = start('unshare', [
    ...['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c'],
    'mount -t tmpfs none /dev && exec sleep infinity <&-',
  ]);
  const pid = await until('sleep', () => {
    const line = ['--ppid', `${target.pid}`, '-o', 'pid=,comm='];
    try {
      const [child, name] = execFileSync('ps', line, { encoding: 'utf8' }).trim().split(/\s+/);
      return name === 'sleep' && Number(child);
    } catch {
      return undefined; // there is none yet
    }
  });
  const before = statSync('/dev/full');
  const { stdout } = inTools(
    pid,
    `chmod 666 /dev/full 2>&1; chown 0 /dev/full 2>&1; touch -d @7 /dev/full 2>&1
     echo x >/dev/null && head -c 3 /dev/zero | wc -c`,
  );
  expect(stdout.match(/Read-only file system/g)).toHaveLength(3);
  expect(stdout.endsWith('\n3\n')).toBe(true);
  expect(statSync('/dev/full').mtimeMs).toBe(before.mtimeMs);
});

test('what it puts in the place of its devices, our programs neither write to nor read', async () => {
  const root = makeImage();
  execFileSync('mknod', ['-m', '666', join(root, 'dev/null'), 'c', '1', '3']);
  const { pid } = await startImage(['mnt', 'pid'], { root });
  // The directory is the container's own, also while the program runs: it does what that might do.
  const { stdout, stderr } = inTools(
    pid,
    `cd /container/dev
     for name in null zero full urandom tty stdout fd ptmx other; do
       ln -sf /etc/ld.so.preload $name
     done
     for name in null zero stdout; do echo "libevil.so" >/dev/$name; done 2>&1
     cat /etc/ld.so.preload 2>&1
     cat /dev/fd/0 </dev/null
     ls -L /dev/other 2>&1
     head -c 3 /dev/urandom | wc -c`,
  );
  const none = (name: string, program: string) => `${program}${name}: No such file or directory`;
  expect([stdout.split('\n'), stderr]).toEqual([
    [
      'libevil.so',
      none('/etc/ld.so.preload', 'cat: '),
      none("'/dev/other'", 'ls: cannot access '),
      '3',
      '',
    ],
    '',
  ]);
});

test('of what has given up its capabilities, nothing that other programs of ours load can be changed', async () => {
  const caps = '-all,+chown,+dac_override,+fowner,+kill,+setgid,+setuid,+setpcap,+mknod';
  const before = ['setpriv', '--inh-caps=-all', '--bounding-set', caps];
  const { pid: target } = await startImage(['mnt', 'pid'], { before });
  const none = 'setpriv --inh-caps=-all --ambient-caps=-all --bounding-set=-all';
  const tool = spawn('sh', ['-c', `${none} sh -c 'echo $$; read line' <&0; exit`], {
    target,
    tools: true,
  });
  const [pid] = await once(tool.stdout, 'data');
  const files = 'etc/ld.so.preload root/.bashrc .bashrc etc/passwd dev/x lib/x usr/x tmp/x';
  const script = `cd /proc/$1/root && for name in ${files}; do ( : >>$name ) 2>/dev/null && echo $name; done`;
  const { stdout, stderr } = spawnSync('sh', ['-c', script, 'sh', String(pid).trim()], {
    target,
    encoding: 'utf8',
  });
  tool.stdin.end('\n');
  await once(tool, 'close');
  expect([stdout, stderr]).toEqual(['tmp/x\n', '']);
});

test('none of them leaves a core where it reads that, whatever signal it sends', async () => {
  const unlimited = ['prlimit', '--core=unlimited'];
  const { pid: target } = await startImage(['mnt', 'pid'], { before: unlimited });
  const script = 'ulimit -Sc; ulimit -Hc; cd "/container$1"; echo $$; read line';
  const tool = spawn('sh', ['-c', script, 'sh', folder], { target, tools: true });
  let said = '';
  tool.stdout.on('data', bytes => (said += bytes));
  await until('its pid', () => said.split('\n').length > 3);
  const ended = once(tool, 'exit');
  const [soft, hard, pid = ''] = said.split('\n');
  spawnSync('kill', ['-SEGV', pid], { target });
  const [, signal] = await ended;
  expect([soft, hard, signal]).toEqual(['0', '0', 'SIGSEGV']);
  expect(readdirSync(folder).filter(name => name.startsWith('core'))).toEqual([]);
});

test('of their terminals it sees nothing', async () => {
  const mount = 'mount -t devpts -o newinstance,ptmxmode=0666 none /dev/pts && exec "$@"';
  const { pid: target } = await startImage(['mnt', 'pid'], { before: ['sh', '-c', mount, 'sh'] });
  const terminal = { columns: 80, rows: 25 };
  const tool = spawn('sh', ['-c', 'tty; read line'], { target, tools: true, terminal });
  let said = '';
  tool.terminal.on('data', bytes => (said += bytes));
  await until('its name', () => said.includes('\n'));
  const { stdout } = spawnSync('ls', ['/dev/pts'], { target, encoding: 'utf8' });
  tool.terminal.write('\n');
  await once(tool, 'exit');
  expect([said.split('\r\n')[0], stdout]).toEqual(['/dev/pts/0', 'ptmx\n']);
});

test('its links to what is the kernel’s are not read with our rights', async () => {
  const root = makeImage();
  symlinkSync('/proc/kallsyms', join(root, 'etc/hosts'));
  symlinkSync('/proc/version', join(root, 'etc/resolv.conf'));
  writeFileSync(join(root, 'etc/hostname'), 'plain');
  const { pid } = await startImage(['mnt', 'pid'], { root });
  const { stdout } = inTools(
    pid,
    'cd /etc; ls hosts resolv.conf hostname 2>/dev/null; cat hostname',
  );
  expect(stdout).toBe('hostname\nplain');
});

// A watchdog, say, which opening alone starts.
test.skipIf(!hasProgram('strace'))(
  'devices in the place of its files are not opened [needs strace]',
  async () => {
    const root = makeImage();
    execFileSync('mknod', [join(root, 'etc/hosts'), 'c', '1', '5']);
    const { pid } = await startImage(['mnt', 'pid'], { root });
    const script = `import { spawnSync } from 'linux-namespaces';
      process.exit(spawnSync('true', [], { target: ${pid}, tools: true }).status);`;
    const calls = join(root, 'calls');
    const strace = ['-f', '-qq', '-e', 'trace=openat2', '-o', calls];
    execFileSync('strace', [...strace, process.execPath, '--input-type=module', '-e', script]);
    const [, opened] = /"etc\/hosts".* = (.*)/.exec(readFileSync(calls, 'utf8')) ?? [];
    expect(opened).toMatch(/^-1 EACCES/);
  },
);

test('its list of users leads our programs to no home and no shell of its own', async () => {
  const root = makeImage();
  const rows = ['a:x:0:0:A:/container/evil:/container/sh', 'b:x:1:1::/container:', 'c:x:2'];
  // Longer than what is read at once.
  const long = `d:x:3:3:${'d'.repeat(40_000)}:${'/container'.repeat(4000)}:/container`;
  writeFileSync(join(root, 'etc/passwd'), [...rows, long, ...rows].join('\n'));
  const { pid } = await startImage(['mnt', 'pid'], { root });
  const ours = ['a:x:0:0:A:/:/bin/sh', 'b:x:1:1::/:/bin/sh', 'c:x:2'];
  const all = [...ours, `d:x:3:3:${'d'.repeat(40_000)}:/:/bin/sh`, ...ours];
  expect(inTools(pid, 'cat /etc/passwd').stdout).toBe(all.join('\n'));
});
