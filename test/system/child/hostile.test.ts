// Targets that want something of ours, or want us to wait for ever.
import { spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execFile, spawn } from 'linux-namespaces';
import { expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';
import {
  all,
  folder,
  makeImage,
  outcome,
  probe,
  reportOf,
  startTarget,
} from './fixtures/targets.ts';

/** Runs a script in a Node of its own, with `fds` of ours as its 3, 4, ... */
function inNode(script: string, fds: number[] = [], env: Record<string, string> = {}) {
  return outcome(
    nodeSpawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'pipe', ...fds],
      env: { ...process.env, ...env },
    }),
  );
}

test('#!/proc/self/exe runs neither Node nor anything of ours, and cannot write to it', async () => {
  const image = makeImage();
  writeFileSync(join(image, 'bin/evil'), '#!/proc/self/exe\n', { mode: 0o755 });
  writeFileSync(join(image, 'bin/wicked'), '#!/proc/self/exe --version\n', { mode: 0o755 });
  const target = await startTarget(['mnt', 'pid'], { root: image });
  for (const file of ['/bin/evil', '/bin/wicked']) {
    const { stdout, stderr, code } = await outcome(spawn(file, [], { target: target.pid }));
    expect({ stdout, stderr, code }).toEqual({ stdout: '', stderr: '', code: 127 });
  }
});

test.each([true, false])(
  'a new /proc in a container writes no more of the machine than its own (covered: %s)',
  async isCovered => {
    const cover = 'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys';
    const caps = '-all,+dac_override,+chown,+kill,+setgid,+setuid';
    const before = [
      ...['sh', '-c', `${isCovered ? `${cover} && ` : ''}exec "$@"`, 'sh'],
      ...['setpriv', '--inh-caps=-all', `--bounding-set=${caps}`],
    ];
    const { pid: target } = await startTarget(['mnt', 'pid'], { before });
    // Nothing is written: to open it is enough.
    const opens = (root: string) => `( : >>${root}/proc/sys/vm/stat_interval ) 2>/dev/null`;
    for (const unshare of [['mnt'], ['mnt', 'pid']] as const) {
      const child = spawn(
        'sh',
        ['-c', `if ${opens('')}; then echo writes; else echo refused; fi; read line`],
        {
          target,
          unshare,
          mountProc: true,
        },
      );
      const first = String((await once(child.stdout, 'data'))[0]);
      // By its root directory, which whoever has the same rights may enter.
      const all = `for one in /proc/[0-9]*; do ${opens('$one/root')} && echo writes; done | sort -u`;
      const { stdout } = await outcome(spawn('sh', ['-c', all], { target }));
      child.stdin.end('\n');
      await once(child, 'close');
      expect([first, stdout]).toEqual(isCovered ? ['refused\n', ''] : ['writes\n', 'writes\n']);
    }
  },
);

test('the launcher’s program cannot be written to, by root either', async () => {
  const target = await startTarget(['mnt', 'pid'], { program: [probe, 'silence', '/mnt'] });
  const child = spawn('true', [], { target: target.pid, cwd: '/mnt/x', killOnParentExit: true });
  try {
    expect(readlinkSync(`/proc/${child.pid}/exe`)).toContain('memfd:linux-namespaces');
    expect(() => openSync(`/proc/${child.pid}/exe`, 'r+')).toThrow(/ETXTBSY|EPERM/);
    expect(() => writeFileSync(`/proc/${child.pid}/exe`, 'x')).toThrow();
  } finally {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
  // The seals hold when nobody runs it, too: our own fd of it.
  const fd = readFileFd();
  expect(() => writeFileSync(`/proc/self/fd/${fd}`, 'x')).toThrow(/EPERM|EACCES|ETXTBSY/);
});

function readFileFd(): number {
  for (let fd = 3; fd < 200; fd++) {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`).includes('memfd:linux-namespaces')) return fd;
    } catch {}
  }
  throw new Error('no launcher');
}

test.each([
  ['in a user namespace of its own, with all capabilities there', ['mnt', 'pid', 'user'], []],
  [
    'as root of the machine with the capabilities that engines leave a container',
    ['mnt', 'pid'],
    [
      'setpriv',
      '--bounding-set',
      '-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service,+net_raw,+sys_chroot,+mknod,+audit_write,+setfcap',
      '--no-new-privs',
    ],
  ],
] as const)('a process inside sees nothing of the launcher: %s', async (_, types, before) => {
  // The launcher is made to wait in a chdir, as long as we look.
  const silent = join(folder, 'silent');
  mkdirSync(silent, { recursive: true });
  const target = await startTarget(['mnt', 'pid', ...types.filter(type => type === 'user')], {
    program: [...before, probe, 'wait'],
  });
  const mounter = spawn(probe, ['silence', silent], {
    target: target.pid,
    namespaces: ['mnt', ...types.filter(type => type === 'user')] as never,
    credentials: 'inherit',
  });
  await once(mounter.stdout, 'data');
  const child = spawn('true', [], {
    target: target.pid,
    cwd: join(silent, 'x'),
    stdio: 'ignore',
    env: { SECRET: 'x' },
  });
  try {
    const { stdout } = await outcome(
      spawn(probe, ['snoop'], { target: target.pid, credentials: 'target' }),
    );
    // Until it is to execute the program, it is in no pid namespace where somebody could see it.
    expect(stdout.trim()).toBe('');
    expect(readFileSync(`/proc/${child.pid}/status`, 'utf8')).toMatch(/^NSpid:\t\d+$/m);
  } finally {
    child.kill('SIGKILL');
    mounter.kill('SIGKILL');
    await once(child, 'close');
  }
});

// Who may trace it could name other children of ours there, to be killed.
test.each([undefined, ['pid'] as const])(
  'what is forked into it (unshare: %s) has no page of which the addon believes what is there',
  async unshare => {
    const target = await startTarget(['mnt', 'pid'], { program: [probe, 'silence', '/mnt'] });
    const child = spawn('/mnt/program', [], { target: target.pid, unshare, stdio: 'ignore' });
    try {
      const inside = () =>
        /^NSpid:\t\d+\t/m.test(readFileSync(`/proc/${child.pid}/status`, 'utf8'));
      await expect.poll(inside, { timeout: seconds(10) }).toBe(true);
      const shared = readFileSync(`/proc/${child.pid}/maps`, 'utf8').match(/^.* rw-s .*$/gm) ?? [];
      expect(shared.filter(line => line.includes('memfd'))).toEqual([]);
      expect(shared).toHaveLength(1); // by which it says to the launcher what has failed
    } finally {
      child.kill('SIGKILL');
      await once(child, 'close');
    }
  },
);

test('a file system that never answers: Node goes on, timeout and kill work', async () => {
  const target = await startTarget(['mnt', 'pid'], { program: [probe, 'silence', '/mnt'] });
  for (const [file, options] of [
    ['true', { cwd: '/mnt/x' }],
    ['/mnt/program', {}],
    ['program', { env: { PATH: '/mnt' } }],
  ] as const) {
    const child = spawn(file, [], { target: target.pid, ...options });
    for (let turn = 0; turn < 20; turn++) await sleep(1);
    expect([child.exitCode, child.signalCode]).toEqual([null, null]);
    child.kill();
    expect(await outcome(child)).toMatchObject({ code: null, signal: 'SIGTERM' });
    const late = spawn(file, [], { target: target.pid, ...options, timeout: 200 });
    expect(await outcome(late)).toMatchObject({ code: null, signal: 'SIGTERM' });
  }
  const error = await new Promise(resolve =>
    execFile('/mnt/x', [], { target: target.pid, timeout: 200, killSignal: 'SIGKILL' }, resolve),
  );
  expect(error).toMatchObject({ killed: true, signal: 'SIGKILL' });
});

test('a late failure is an error event, with no exit', async () => {
  const target = await startTarget(['mnt', 'pid'], { program: [probe, 'silence', '/mnt'] });
  const child = spawn('true', [], { target: target.pid, namespaces: ['mnt'], cwd: '/mnt/x' });
  const seen: unknown[] = [];
  child.on('exit', () => seen.push('exit'));
  await once(child, 'spawn');
  target.stop(); // the file system dies with its server
  const [error] = await once(child, 'error').catch(error => [error]);
  expect(error).toMatchObject({ syscall: 'chdir' });
  expect(seen).toEqual([]);
});

test('no fd, no variable and no directory of ours leaks in', {
  timeout: seconds(120),
}, async () => {
  const image = makeImage();
  const target = await startTarget(['mnt', 'pid', 'net', 'user'], {
    root: image,
    env: { THEIRS: 'yes' },
  });
  const directory = openSync('/etc', 'r');
  const script = (cwd: string) => `import { spawn } from 'linux-namespaces';
    const child = spawn('/bin/probe', ['report'], { target: ${target.pid}, cwd: ${JSON.stringify(cwd)} });
    child.on('error', e => console.log(JSON.stringify({ syscall: e.syscall, code: e.code })));
    child.stdout.pipe(process.stdout);`;
  // fds 3 and 4 of that Node are open directories of the machine, without close-on-exec.
  const { stdout } = await inNode(script('/'), [directory, directory], { SECRET: 'ours' });
  const report = JSON.parse(stdout);
  expect(report.fds).toEqual([0, 1, 2]);
  expect(report.env).not.toHaveProperty('SECRET');
  expect(report.env['THEIRS']).toBe('yes');
  expect(report.cwd).toBe('/');
  expect(Object.keys(report.env)).not.toContain('NODE_V8_COVERAGE');
  const proc = await startTarget(['mnt', 'pid'], {
    program: [
      'sh',
      '-c',
      `mount --rbind /proc ${image}/proc && exec chroot ${image} /bin/probe wait`,
    ],
  });
  for (const fd of [3, 4, 5, 6, 7, 8, 9, 10, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30]) {
    const leak = await inNode(
      script(`/proc/self/fd/${fd}`).replace(String(target.pid), String(proc.pid)),
      [directory, directory],
    );
    expect(JSON.parse(leak.stdout), `fd ${fd}`).toMatchObject({ syscall: 'chdir' });
  }
  closeSync(directory);
});

test('a cwd that leads out of the target is refused', async () => {
  const image = makeImage();
  symlinkSync(`/proc/${process.pid}/root/etc`, join(image, 'out'));
  symlinkSync('/../../../../etc', join(image, 'up'));
  // With the machine's own /proc in it, links there lead anywhere.
  const target = await startTarget(['mnt'], {
    program: [
      'sh',
      '-c',
      `mount -t proc proc ${image}/proc && exec chroot ${image} /bin/probe wait`,
    ],
  });
  for (const cwd of ['/out', `/proc/${process.pid}/root`, `/proc/${process.pid}/cwd`]) {
    const child = spawn('/bin/probe', ['report'], { target: target.pid, cwd });
    await expect(outcome(child), cwd).rejects.toMatchObject({ syscall: 'getcwd', code: 'EXDEV' });
  }
  const up = await reportOf(spawn('/bin/probe', ['report'], { target: target.pid, cwd: '/up' }));
  expect(up.cwd).toBe('/etc'); // that of the image
});

test('a target that has ended is refused; a pid of somebody else is not taken for it', async () => {
  const target = await startTarget(['net']);
  process.kill(target.pid, 'SIGKILL');
  await expect.poll(() => readState(target.pid)).not.toMatch(/[SR]/);
  expect(() => spawn('true', [], { target: target.pid, namespaces: ['net'] })).toThrow(
    expect.objectContaining({ code: 'ESRCH' }),
  );
  const child = nodeSpawn('true');
  await once(child, 'exit');
  expect(() => spawn('true', [], { target: child, namespaces: ['net'] })).toThrow(/exited/);
});

function readState(pid: number): string {
  try {
    return /^State:\t(.)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
  } catch {
    return '';
  }
}

test('a pid namespace whose first process is gone: an error that says so', async () => {
  const { openNamespaces } = await import('linux-namespaces');
  const target = await startTarget(['pid']);
  using handle = openNamespaces(target.pid, ['pid']);
  process.kill(target.pid, 'SIGKILL');
  await expect.poll(() => readState(target.pid)).not.toMatch(/[SR]/);
  await expect(outcome(handle.spawn('true', [], { namespaces: ['pid'] }))).rejects.toMatchObject({
    code: 'ENOMEM',
    syscall: 'clone',
    message: expect.stringContaining('first process'),
  });
});

test('the target dies while children start: an error or an end, and nothing is left', {
  timeout: seconds(60),
}, async () => {
  for (let i = 0; i < 40; i++) {
    const target = await startTarget(all);
    const children: Promise<unknown>[] = [];
    for (let n = 0; n < 5; n++) {
      if (n === 2) process.kill(target.pid, 'SIGKILL');
      try {
        const child = spawn(probe, ['exit', '0'], {
          target: target.pid,
          stdio: 'ignore',
          root: '/',
          env: {},
        });
        children.push(once(child, 'close').catch(error => error));
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/ESRCH|EACCES/) });
      }
    }
    await Promise.all(children);
    target.stop();
  }
  await expect.poll(() => readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8')).toBe('');
});

test('of the null device that it gets for what is ignored, a child elsewhere changes nothing', async () => {
  // As they are, so that the machine's own would be none the worse.
  const script = `const fs = require('fs'), said = [];
    const { mode, uid, gid, rdev } = fs.fstatSync(0);
    const change = fn => { try { fn(); said.push('changed'); } catch (e) { said.push(e.code); } };
    change(() => fs.fchmodSync(0, mode & 0o7777));
    change(() => fs.fchownSync(0, uid, gid));
    change(() => fs.chmodSync('/proc/self/fd/0', mode & 0o7777));
    console.log(said.join(), rdev, fs.readFileSync(0).length, fs.writeSync(2, 'gone'));`;
  const child = spawn(process.execPath, ['-e', script], {
    unshare: ['uts'],
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const { stdout } = await outcome(child);
  expect(stdout.trim()).toBe('EROFS,EROFS,EROFS 259 0 4');
});
