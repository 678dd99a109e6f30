/** The rootless sandbox of docs/create.md, and what SIGKILL leaves of it at any moment. */
import { type ChildProcess, execFileSync, spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawn } from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';
import { hasProgram, read, until } from '../shared/support.ts';
import { asUna, una } from './fixtures/users.ts';

const here = join(import.meta.dirname, '../../..');
const root = mkdtempSync(join(tmpdir(), 'linux-namespaces-sandbox-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const needed = hasProgram('busybox') ? '' : ' [needs busybox]';

/** The processes of una, by whatever name: as root sees them. */
const processes = () =>
  readdirSync('/proc').filter(
    pid => /^\d+$/.test(pid) && read(`/proc/${pid}/status`)?.includes(`\nUid:\t${una}\t`),
  );

function sandbox(...line: string[]): ChildProcess {
  return nodeSpawn(process.execPath, [join(here, 'examples/sandbox.mjs'), root, ...line], {
    uid: una,
    gid: una,
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function outputOf(child: ChildProcess): Promise<string> {
  let out = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', data => {
      out += data;
    });
  }
  const [code] = await once(child, 'close');
  return code === 0 ? out : `${out}exit code ${code}`;
}

describe.skipIf(needed)(`a sandbox without root${needed}`, () => {
  beforeAll(() => {
    chmodSync(root, 0o755);
    for (const name of ['bin', 'proc', 'tmp']) mkdirSync(join(root, name));
    const busybox = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();
    copyFileSync(busybox, join(root, 'bin/busybox'));
    for (const name of ['sh', 'ps', 'ls', 'cat', 'id', 'ip', 'hostname', 'sleep', 'mount', 'wc']) {
      symlinkSync('busybox', join(root, 'bin', name));
    }
  });

  test('ps shows pid 1 only', async () => {
    const lines = (await outputOf(sandbox())).trim().split('\n').slice(1);
    expect(lines.map(line => line.trim().split(/\s+/)[0])).toEqual(['1']);
  });

  test('the network is up on lo, and there is nothing else', async () => {
    const links = (await outputOf(sandbox('ip', '-o', 'link'))).trim().split('\n');
    expect(links).toHaveLength(1);
    expect(links[0]).toMatch(/^1: lo: <LOOPBACK,UP/);
  });

  test('nothing of the old root can be reached, by whoever is root in there', async () => {
    const look = `cat /proc/self/mountinfo; hostname; id -u; cat /proc/self/uid_map; ls / /proc/1/root;
      mount -t tmpfs none /tmp && cat /proc/self/mountinfo | wc -l`;
    const seen = await outputOf(sandbox('sh', '-c', look));
    const lines = seen.split('\n');
    const mounts = lines.filter(line => / - /.test(line)).map(line => line.split(' ')[4]);
    expect(mounts).toEqual(['/', '/proc']);
    expect(lines[2]).toBe('sandbox');
    expect(lines[3]).toBe('0');
    expect(lines[4]?.trim().split(/\s+/)).toEqual(['0', String(una), '1']);
    expect(lines.slice(5, 14)).toEqual([
      '/:',
      'bin',
      'proc',
      'tmp',
      '',
      '/proc/1/root:',
      'bin',
      'proc',
      'tmp',
    ]);
    expect(lines[14]?.trim()).toBe('3');
  });

  test('also where a chroot is all that can be had: in one already', async () => {
    // pivot_root(2) refuses; root still ends up where it was asked to be, with one mount on top.
    const source = `
      process.chdir('/');
      import { spawn } from 'linux-namespaces';
      const child = spawn('/bin/ls', ['/'], {
        root: ${JSON.stringify(root)}, unshare: ['mnt', 'pid'], mountProc: true, env: {},
        stdio: ['ignore', 'inherit', 'inherit'],
      });
      child.on('error', error => console.log(error.message));
    `;
    const script =
      'mount --rbind / /mnt; exec chroot /mnt sh -c "cd \\"\\$1\\"; exec \\"\\$0\\" --input-type=module -e \\"\\$2\\"" "$0" "$1" "$2"';
    const line = ['--mount', 'sh', '-c', script, process.execPath, here, source];
    const seen = execFileSync('unshare', line, { encoding: 'utf8', cwd: here });
    expect(seen).toMatch(/^bin\nproc\ntmp\n$/);
  });

  test('it is killed with its parent', async () => {
    const parent = sandbox('sleep', '4321');
    await until('the sandbox to sleep', () =>
      processes().some(pid => read(`/proc/${pid}/cmdline`)?.startsWith('sleep')),
    );
    parent.kill('SIGKILL');
    await once(parent, 'close');
    await until('nothing to be left', () => processes().length === 0);
  });

  test('SIGKILL of the program at any moment leaves no process, mount or network', {
    timeout: seconds(180),
  }, async () => {
    const mounts = () =>
      readFileSync('/proc/self/mountinfo', 'utf8').match(/^.*( nsfs |namespaces).*$/gm);
    const before = mounts();
    const source = `
      const wanted = { idMap: ['root', 'auto'], mountProc: true, loopback: true, monotonic: 7 };
      const types = ['user', 'pid', 'mnt', 'net', 'uts', 'ipc', 'time'];
      for (;;) {
        const children = [1, 2].map(() => {
          const options = { unshare: types, killOnParentExit: true, stdio: 'ignore', cwd: '/' };
          return spawn('sleep', ['infinity'], { ...options, ...wanted });
        });
        const ended = children.map(child => once(child, 'exit'));
        const handle = await createNamespaces(types, { init: true, ...wanted });
        for (const child of children) child.kill('SIGKILL');
        await Promise.all(ended);
        handle.close();
      }
    `;
    for (let round = 0; round < 4; round++) {
      const running = new AbortController();
      const ended = asUna(source, { signal: running.signal, killSignal: 'SIGKILL' }).catch(
        error => error.code,
      );
      await until('it to be at work', () => processes().length > 2);
      await sleep(round * 7);
      running.abort(); // unshare and sh have become Node by then
      expect(await ended).toBe('ABORT_ERR');
      await until('nothing to be left', () => processes().length === 0);
    }
    expect(mounts()).toEqual(before);
  });
});

test('root with a joined mount namespace that is unshared again is the copy, not the original', async () => {
  const target = nodeSpawn('unshare', ['-m', 'sleep', 'infinity'], { stdio: 'ignore' });
  try {
    const pid = target.pid as number;
    await until('it to sleep', () => read(`/proc/${pid}/comm`) === 'sleep');
    const child = spawn(
      'sh',
      ['-c', 'mount -t tmpfs mine /mnt && grep -c mine /proc/self/mountinfo'],
      {
        target: pid,
        namespaces: ['mnt'],
        unshare: ['mnt'],
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    expect((await outputOf(child)).trim()).toBe('1');
    expect(readFileSync(`/proc/${pid}/mountinfo`, 'utf8')).not.toContain('mine');
  } finally {
    target.kill('SIGKILL');
  }
});
