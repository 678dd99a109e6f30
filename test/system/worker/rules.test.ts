// The rules of DESIGN for workers, one by one: what the container has lying about for whoever comes
// in, and what must not run outside when something is wrong.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { evaluate, openWorker } from 'linux-namespaces';
import { describe, expect, test } from 'vitest';
import { all, folder, makeImage, startTarget } from '../child/fixtures/targets.ts';
import { copyOfNode, root, run } from './fixtures/attack.ts';

declare const fs: typeof import('node:fs');
declare const os: typeof import('node:os');
declare const dns: typeof import('node:dns');
declare const tls: typeof import('node:tls');

const x64 = process.arch === 'x64';

/** A shared object that says so when it is loaded, at each of these paths. */
function setTrap(image: string, name: string, ...paths: string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(image, path)), { recursive: true });
    const source = fileURLToPath(new URL('fixtures/trap.c', import.meta.url));
    const flags = ['-shared', '-nostdlib', '-fPIC', '-O1', `-DTRAP=${name}`];
    execFileSync('cc', [...flags, '-o', join(image, path), source]);
  }
}

const libraries = [
  '/lib/x86_64-linux-gnu',
  '/usr/lib/x86_64-linux-gnu',
  '/lib64',
  '/usr/lib',
  '/lib',
];

describe.skipIf(!x64)('what lies in the container for us to load [x86-64 only]', () => {
  test('openssl.cnf, nsswitch.conf, ld.so.preload, locales, NODE_OPTIONS: nothing is run', async () => {
    const image = makeImage();
    setTrap(image, 'openssl', '/trap/openssl.so');
    const config = [
      'openssl_conf = init\nnodejs_conf = init\n[init]\nproviders = all\n[all]\ntrap = it\n',
      '[it]\nmodule = /trap/openssl.so\nactivate = 1\n',
    ].join('');
    for (const path of ['/etc/ssl', '/usr/lib/ssl', '/usr/local/ssl', '/usr/ssl', '/etc/pki/tls']) {
      mkdirSync(join(image, path), { recursive: true });
      writeFileSync(join(image, path, 'openssl.cnf'), config);
    }
    setTrap(image, 'nss', ...libraries.map(path => `${path}/libnss_trap.so.2`));
    const databases = ['passwd', 'group', 'hosts', 'services', 'protocols', 'networks'];
    writeFileSync(
      join(image, 'etc/nsswitch.conf'),
      databases.map(name => `${name}: trap files\n`).join(''),
    );
    setTrap(image, 'preload', '/trap/preload.so');
    writeFileSync(join(image, 'etc/ld.so.preload'), '/trap/preload.so\n');
    writeFileSync(join(image, 'trap/options.js'), "fs.writeFileSync('/tmp/sprung-options', '')");
    const env = {
      NODE_OPTIONS: '--require /trap/options.js',
      NODE_EXTRA_CA_CERTS: '/trap/openssl.so',
      LD_PRELOAD: '',
      OPENSSL_CONF: '/etc/ssl/openssl.cnf',
      LOCPATH: '/trap',
      LC_ALL: 'xx_XX.UTF-8',
      GCONV_PATH: '/trap',
    };
    const target = await startTarget(all, { root: image, env });
    await using worker = await openWorker(target.pid, 'all');
    const seen = await worker.evaluate(async () => {
      const looked = await dns.promises.lookup('nowhere.test').catch(error => error.code);
      const service = await dns.promises.lookupService('127.0.0.1', 80).catch(error => error.code);
      let user: unknown;
      try {
        user = os.userInfo().username;
      } catch (error) {
        user = (error as NodeJS.ErrnoException).code;
      }
      const { createHash, getCiphers } = require('node:crypto');
      createHash('sha256').update('x').digest();
      getCiphers();
      tls.createSecureContext();
      await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, ['encrypt']);
      const text = [new Date(0).toLocaleString(), 'x'.localeCompare('y')];
      return { looked, service, user, text, env: Object.keys(process.env).sort() };
    });
    const sprung = await worker.evaluate(() =>
      fs.readdirSync('/tmp').filter(name => name.startsWith('sprung')),
    );
    expect(sprung).toEqual([]);
    expect(seen.env).toEqual(['OPENSSL_CONF', 'PATH']);
    expect(seen.user).toBe('ERR_SYSTEM_ERROR');
  });

  test('a /proc of the container’s making: the place is right all the same', async () => {
    const image = makeImage();
    writeFileSync(join(image, 'code'), Buffer.alloc(64 << 20, 0xcc));
    // What it would find of itself, with a file of the container's in the place of node.
    const { ino, dev } = statSync(join(image, 'code'));
    const device = `${(dev >> 8).toString(16).padStart(2, '0')}:${(dev & 0xff).toString(16).padStart(2, '0')}`;
    const print = "process.stdout.write(fs.readFileSync('/proc/self/maps'))";
    const maps = execFileSync(process.execPath, ['--no-short-builtin-calls', '-e', print])
      .toString()
      .split('\n')
      .map(line => {
        const fields = line.split(/\s+/);
        if (fields[5] !== process.execPath) return line;
        return [...fields.slice(0, 3), device, ino, '/code'].join(' ');
      });
    mkdirSync(join(image, 'proc/self/ns'), { recursive: true });
    writeFileSync(join(image, 'proc/self/maps'), maps.join('\n'));
    writeFileSync(join(image, 'proc/self/exe'), 'no link');
    writeFileSync(join(image, 'proc/self/cgroup'), '0::/\n');
    writeFileSync(join(image, 'proc/meminfo'), 'MemTotal: 1 kB\nMemAvailable: 1 kB\n');
    writeFileSync(join(image, 'proc/self/ns/net'), 'ours');
    const target = await startTarget(['mnt', 'net', 'pid', 'ipc', 'uts'], {
      // Without --mount-proc: what is there stays.
      program: ['chroot', image, '/bin/probe', 'wait'],
    });
    await using worker = await openWorker(target.pid, 'all');
    const place = readlinkSync(`/proc/${worker.pid}/ns/net`);
    expect(place).toBe(readlinkSync(`/proc/${target.pid}/ns/net`));
    const seen = await worker.evaluate(() => ({
      maps: fs.readFileSync('/proc/self/maps', 'utf8').includes('/code'),
      execPath: process.execPath,
      sum: [3, 1, 2].sort().map(n => n * 2),
    }));
    expect(seen).toEqual({ maps: true, execPath: process.execPath, sum: [2, 4, 6] });
    const mapped = readFileSync(`/proc/${worker.pid}/maps`, 'utf8');
    expect(mapped).not.toContain('/code');
  });

  test('SIGUSR1, which everybody inside with its uid may send, opens no debugger', async () => {
    const target = await startTarget(all, { root: makeImage() });
    await using worker = await openWorker(target.pid, 'all');
    for (let i = 0; i < 3; i++) {
      process.kill(worker.pid ?? 0, 'SIGUSR1');
      await worker.evaluate(() => new Promise(done => setTimeout(done, 100)));
    }
    const listening = await worker.evaluate(() =>
      fs
        .readFileSync('/proc/self/net/tcp', 'latin1')
        .split('\n')
        .filter(line => line.trim().split(/\s+/)[3] === '0A'),
    );
    expect(listening).toEqual([]);
    // And it is there for whoever wants it.
    const got = worker.evaluate(
      () => new Promise(done => process.once('SIGUSR1', () => done('got it'))),
    );
    const again = setInterval(() => process.kill(worker.pid ?? 0, 'SIGUSR1'), 50);
    expect(await got).toBe('got it');
    clearInterval(again);
  });
});

describe('nothing runs outside', () => {
  /** Opens a worker that would leave a file outside, and says what came of it. */
  const attempt = (target: string, before = '', types = "'all'", options = '{}') => `
    import fs from 'node:fs';
    import { openNamespaces, openWorker } from 'linux-namespaces';
    ${before}
    try {
      const worker = await openWorker(${target}, ${types}, ${options});
      await worker.evaluate(path => fs.writeFileSync(path, ''), ${JSON.stringify(left)});
      await worker.close();
      console.log('ran');
    } catch (error) {
      console.log(error.name, error.code, error.syscall, error.message);
    }`;
  const left = join(folder, 'left-at-home');

  test('when the loader passes over our object: the handshake refuses', async () => {
    const target = await startTarget(['net']);
    // Both programs are open by the second time; by then there is no /proc for the loader, but for what
    // says that the parent lives.
    const before = `
      import { execFileSync } from 'node:child_process';
      const handle = openNamespaces(${target.pid}, ['net']);
      const first = await openWorker(handle, ['net'], { credentials: 'inherit' });
      await first.close();
      execFileSync('mount', ['-t', 'tmpfs', 'none', '/proc']);
      fs.mkdirSync('/proc/thread-self');
      fs.writeFileSync('/proc/thread-self/stat', '1 (node) R');`;
    const source = attempt('handle', before, "['net']", "{ credentials: 'inherit' }");
    const output = execFileSync(
      'unshare',
      ['-m', process.execPath, '--input-type=module', '-e', source],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], cwd: root },
    );
    expect(output).toMatch(/NamespaceError ENOTSUP execveat .*LD_PRELOAD.*nothing was run/);
    expect(existsSync(left)).toBe(false);
  });

  test('with a node that has file capabilities: they do not follow, and it is refused', async () => {
    const target = await startTarget(all, { root: makeImage() });
    const node = copyOfNode('node-with-capabilities');
    // cap_sys_admin, cap_sys_ptrace, cap_sys_chroot, cap_dac_read_search=ep: as setcap(8) writes it.
    const bits = (1 << 21) | (1 << 19) | (1 << 18) | (1 << 2);
    const value = Buffer.alloc(20);
    value.writeUInt32LE(0x02000001, 0);
    value.writeUInt32LE(bits >>> 0, 4);
    execFileSync('python3', [
      '-c',
      `import os; os.setxattr(${JSON.stringify(node)}, 'security.capability', bytes.fromhex('${value.toString('hex')}'))`,
    ]);
    const { stdout } = await run(node, attempt(`${target.pid}`), { uid: 65534, gid: 65534 });
    expect(stdout).toMatch(/^NamespaceError (EPERM|EACCES) /);
    expect(existsSync(left)).toBe(false);
    rmSync(node);
  });

  test('when a step fails: the step is named', async () => {
    const target = await startTarget(all, { root: makeImage() });
    const { stdout } = await run(process.execPath, attempt(`${target.pid}`, '', "['net']"), {
      uid: 65534,
      gid: 65534,
    });
    expect(stdout).toMatch(/NamespaceError EACCES/);
    expect(existsSync(left)).toBe(false);
  });

  test.each([
    ['Electron', "Object.defineProperty(process.versions, 'electron', { value: '30.0.0' })"],
    [
      'parts of itself from files',
      "Object.defineProperty(process, 'config', { value: { target_defaults: { defines: ['NODE_SHARED_BUILTIN_UNDICI_UNDICI_PATH=/usr/share/undici.js'] } } })",
    ],
  ])('what is no plain node is refused by name: %s', async (name, before) => {
    const { stdout } = await run(process.execPath, attempt(`${process.pid}`, before));
    expect(stdout).toContain(name);
  });
});

test('a node that nobody else can reach runs as the target’s user', async () => {
  const target = await startTarget(['net', 'uts', 'pid', 'ipc'], {
    before: [
      'setpriv',
      '--reuid',
      '1000',
      '--regid',
      '1000',
      '--clear-groups',
      '--bounding-set=-all',
    ],
  });
  const hidden = join(folder, 'hidden');
  mkdirSync(hidden, { mode: 0o700 });
  const node = copyOfNode('hidden/node');
  chmodSync(node, 0o700);
  const source = `import { evaluate } from 'linux-namespaces';
    const options = { types: 'all', credentials: 'target' };
    console.log(await evaluate(${target.pid}, options, () => [process.getuid(), process.getgid()].join()));`;
  const { stdout, stderr } = await run(node, source);
  expect({ stdout, stderr }).toEqual({ stdout: '1000,1000\n', stderr: '' });
});

test('credentials: the target’s, or ours', async () => {
  const target = await startTarget(['net', 'uts'], {
    before: [
      'setpriv',
      '--reuid',
      '1000',
      '--regid',
      '1001',
      '--groups',
      '5',
      '--bounding-set=-all,+kill',
      '--no-new-privs',
    ],
  });
  const who = () => ({
    uid: process.getuid?.(),
    gid: process.getgid?.(),
    groups: process.getgroups?.(),
    caps: /CapBnd:\s*(\S+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))?.[1],
    nnp: /NoNewPrivs:\s*(\d)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))?.[1],
  });
  const options = { types: 'all', credentials: 'target' } as const;
  expect(await evaluate(target.pid, options, who)).toEqual({
    uid: 1000,
    gid: 1001,
    groups: [5, 1001],
    caps: '0000000000000020',
    nnp: '1',
  });
  await using worker = await openWorker(target.pid, 'all', { credentials: 'inherit' });
  expect(await worker.evaluate(who)).toMatchObject({ uid: 0, gid: 0, nnp: '0' });
});

test('UV_USE_IO_URING is not taken along: threads of a ring keep the credentials of who made it', () => {
  const script = `
    import fs from 'node:fs';
    import { evaluate } from 'linux-namespaces';
    const rings = () => new Promise(resolve => fs.readFile('/proc/self/stat', () => resolve(
      fs.readdirSync('/proc/self/fd').filter(fd => {
        try { return /io_uring/.test(fs.readlinkSync('/proc/self/fd/' + fd)); } catch { return false; }
      }).length)));
    console.log(JSON.stringify([await rings(), await evaluate(process.pid, ['net'], rings)]));`;
  const ringsWith = (value: string | undefined) => {
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, UV_USE_IO_URING: value },
    });
    return JSON.parse(said) as [home: number, inside: number];
  };
  const [with1, without] = [ringsWith('1'), ringsWith(undefined)];
  expect(with1[1]).toBe(without[1]);
  // Where a sysctl or a filter forbids them there are none.
  expect(with1[0]).toBeGreaterThanOrEqual(without[0]);
});
