// NODE_DEBUG=linux-namespaces says what each step was about and came to, and nothing that is secret.
import { spawn } from 'linux-namespaces';
import { expect, test } from 'vitest';
import { outcome, probe, startTarget } from './child/fixtures/targets.ts';
import { inodeOf, placeOf } from './shared/support.ts';

const source = (pid: number) => `
  import * as ns from 'linux-namespaces';
  import { once } from 'node:events';
  const made = await ns.createNamespaces(['uts']);
  made.close();
  ns.withNamespaces(${pid}, ['net'], () => 1);
  const child = ns.spawn(${JSON.stringify(probe)}, ['report', 'SECRET-ARGUMENT'], {
    target: ${pid},
    env: { NAME: 'SECRET-VARIABLE' },
    stdio: 'ignore',
  });
  await once(child, 'exit');
  ns.exec('echo SECRET-LINE', { target: ${pid}, namespaces: ['net'] });
  await ns.evaluate(${pid}, 'all', secret => secret, 'SECRET-CONTENT');
  const root = ns.openRoot(${pid});
  await root.writeFile('/tmp/SECRET-NAME', 'SECRET-CONTENT').catch(() => {});
  await root.rm('/tmp/SECRET-NAME').catch(() => {});
  root.close();
  try {
    ns.openNamespaces({ net: '/SECRET-PATH' }, ['net']);
  } catch {}
  const failing = ns.spawn('true', { target: ${pid}, cwd: '/SECRET-DIRECTORY' });
  await once(failing, 'error').catch(() => {});`;

const run = async (debug: string) => {
  const target = await startTarget(['mnt', 'net', 'uts']);
  const node = spawn(process.execPath, ['--input-type=module', '-e', source(target.pid)], {
    env: { ...process.env, NODE_DEBUG: debug, SECRET: 'SECRET-OWN' },
  });
  return { target, ...(await outcome(node)) };
};

test('each step: its types, inodes, process and result', async () => {
  const { target, stderr } = await run('linux-namespaces');
  const lines = stderr.split('\n').filter(line => line.startsWith('LINUX-NAMESPACES'));
  const steps = lines.map(line => /^LINUX-NAMESPACES \d+: (.*?) (\{.*\})$/.exec(line) ?? []);
  const seen = steps.map(([, step, facts]) => [step, JSON.parse(facts ?? '')] as const);
  const net = inodeOf(placeOf(target.pid, 'net'));
  const mnt = inodeOf(placeOf(target.pid, 'mnt'));
  expect(seen).toContainEqual(['createNamespaces', { uts: expect.any(Number) }]);
  expect(seen).toContainEqual(['openTarget', { pid: target.pid, net }]);
  expect(seen).toContainEqual(['callback', { net }]);
  expect(seen).toContainEqual(['openTarget', expect.objectContaining({ net, mnt })]);
  const joined = expect.arrayContaining(['net', 'mnt']);
  const started = { target: target.pid, joined, created: [], pid: expect.any(Number) };
  expect(seen).toContainEqual(['spawn', started]);
  expect(seen).toContainEqual(['worker entered', { pid: expect.any(Number) }]);
  expect(seen).toContainEqual([
    'worker ended',
    expect.objectContaining({ code: expect.any(String) }),
  ]);
  expect(seen).toContainEqual(['openRoot', { pid: target.pid }]);
  expect(seen).toContainEqual([
    'openTarget',
    expect.objectContaining({ failed: 'ENOENT', type: 'net' }),
  ]);
  expect(seen).toContainEqual([
    'spawn',
    expect.objectContaining({ failed: 'ENOENT', step: 'chdir' }),
  ]);
  expect(stderr).not.toContain('SECRET');
});

test('and nothing without it', async () => {
  expect((await run('http')).stderr).not.toContain('LINUX-NAMESPACES');
});
