// Hazards of docs/hazards.md that belong to no other file: what the library must never do to this process.
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { runScript } from './shared/support.ts';

/** Everything that joins or creates, once; `target` is a child in namespaces of its own. */
const everything = `
  import { once } from 'node:events';
  import fs from 'node:fs';
  import os from 'node:os';
  import { createNamespaces, evaluate, listSockets, openRoot, openWorker, spawn, withNamespaces } from 'linux-namespaces';
  const target = spawn('sleep', ['60'], { unshare: ['net', 'uts', 'pid', 'mnt'], stdio: 'ignore' });
  await once(target, 'spawn');
  const lab = await createNamespaces(['net', 'pid', 'mnt'], { init: true, loopback: true });
  await withNamespaces(target, ['net', 'uts'], () => fs.promises.readFile('/proc/self/stat'));
  await once(spawn('true', [], { target, namespaces: ['net', 'pid', 'mnt'] }), 'exit');
  const worker = await openWorker(target, 'all');
  await worker.evaluate(() => os.hostname());
  const root = openRoot(target);
  await root.readdir('/');`;

const over = `
  root.close();
  await worker.close();
  lab.close();
  target.kill('SIGKILL');`;

describe('this process', () => {
  /** The thread pool follows process.chdir only for as long as it shares a directory with us. */
  const together = `
    process.chdir('/proc/self/net');
    const names = await fs.promises.readdir('.').then(list => list.includes('dev'), error => error.code);
    console.log(names);`;

  test('its threads share root and working directory, whatever was done', () => {
    expect(runScript(`${everything}${together}${over}`)).toBe('true\n');
  });

  test('the proof can fail: not after a raw unshare of mnt', () => {
    const raw = `
      import fs from 'node:fs';
      import { unshare } from 'linux-namespaces/syscalls';
      unshare('mnt');`;
    expect(runScript(`${raw}${together}`)).toBe('false\n');
  });

  test('it listens on no abstract socket, which a network would show to others', () => {
    const look = `
      import net from 'node:net';
      const own = async () => (await listSockets(process.pid))
        .filter(({ protocol, local, processes }) => protocol === 'unix' && local.path?.startsWith('@') &&
          processes.some(({ pid }) => pid === process.pid || pid === worker.pid))
        .map(({ local }) => local.path.replace(/@+$/, ''));
      console.log(JSON.stringify(await own()));
      const server = net.createServer().listen('\\0hazards ' + process.pid);
      await once(server, 'listening');
      console.log((await own()).length); // the proof can fail
      server.close();`;
    expect(runScript(`${everything}${look}${over}`)).toBe('[]\n1\n');
  });
});

const permission = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission';

test("Node's permission model: no workers without --allow-child-process", () => {
  const script = `
    import { evaluate, openWorker } from 'linux-namespaces';
    for (const call of [() => evaluate(4194304, ['net'], () => 1), () => openWorker(4194304, ['net'])]) {
      console.log(await call().then(() => 'ran', error => error.code));
    }`;
  const flags = [permission, '--no-warnings', '--allow-fs-read=*', '--allow-addons'];
  const run = (...more: string[]) =>
    execFileSync(process.execPath, [...flags, ...more, '--input-type=module', '-e', script], {
      encoding: 'utf8',
    });
  expect(run()).toBe('ERR_ACCESS_DENIED\n'.repeat(2));
  // With it, they get as far as a process that there cannot be.
  expect(run('--allow-child-process')).toBe('ESRCH\n'.repeat(2));
});
