import { existsSync, readFileSync } from 'node:fs';
import os from 'node:os';
import {
  type Container,
  evaluate,
  findContainer,
  listContainers,
  openNamespaces,
  spawn,
  withNamespaces,
} from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missing, type Runtime, startRunc } from '../../engines/index.ts';
import { errorOf, fdCount, read, rejectionOf, runScript, until } from '../shared/support.ts';

const absent = missing('runc');
const lastPid = '/proc/sys/kernel/ns_last_pid';

describe.skipIf(absent)(`a container as a target [${absent || 'installed'}]`, () => {
  let runc: Runtime;
  beforeAll(async () => {
    runc = await startRunc();
  }, 60_000);
  afterAll(() => runc?.stop());
  const find = (name: string) => findContainer(name, { root: runc.machine.root });

  /** Every way in which a target is entered. */
  const ways: [string, (target: Container) => unknown][] = [
    ['withNamespaces', target => withNamespaces(target, ['uts'], () => os.hostname())],
    ['openNamespaces', target => openNamespaces(target, ['uts']).close()],
    ['spawn', target => exitOf(spawn('true', [], { target }))],
    [
      'spawn to borrow',
      target => exitOf(spawn('true', [], { target, namespaces: [], root: 'target' })),
    ],
    ['evaluate', target => evaluate(target, ['uts'], () => 1)],
  ];
  function exitOf(child: ReturnType<typeof spawn>): Promise<unknown> {
    return new Promise((resolve, reject) => child.once('error', reject).once('exit', resolve));
  }

  test('is entered', async () => {
    await runc.start('one', { hostname: 'one-host' });
    const target = await find('one');
    expect(withNamespaces(target, ['uts'], () => os.hostname())).toBe('one-host');
    for (const [name, way] of ways)
      await expect(Promise.resolve(way(target)), name).resolves.not.toThrow();
  });

  test.each(ways)('%s refuses what has got its pid since', async (_, way) => {
    const target = await find('one');
    const before = fdCount();
    const changed = { ...target, startTime: (target.startTime ?? 0) + 1 };
    const error = await rejectionOf(Promise.resolve().then(() => way(changed)));
    expect(error.code).toBe('ESRCH');
    expect(error.target).toBe(target.pid);
    expect(error.message).toContain('another');
    expect(fdCount()).toBe(before);
  });

  // In a pid namespace of its own nobody else takes the number.
  test.skipIf(!existsSync(lastPid))('the kernel gives the pid again, really [ns_last_pid]', () => {
    const source = `
      import { spawn } from 'node:child_process';
      import { once } from 'node:events';
      import fs from 'node:fs';
      import { setTimeout as sleep } from 'node:timers/promises';
      import { findContainer, openNamespaces } from 'linux-namespaces';
      const start = () => spawn('sleep', ['1000000'], { stdio: 'ignore' });
      const end = child => (child.kill('SIGKILL'), once(child, 'exit'));
      const first = start();
      const { pid } = first;
      const stat = fs.readFileSync('/proc/' + pid + '/stat', 'utf8').split(') ')[1].split(' ');
      const root = fs.mkdtempSync('/tmp/linux-namespaces-');
      fs.mkdirSync(root + '/run/runc/one', { recursive: true });
      fs.writeFileSync(root + '/run/runc/one/state.json', JSON.stringify({
        id: 'one', init_process_pid: pid, init_process_start: Number(stat[19]), config: {} }));
      try {
        const found = await findContainer('one', { root });
        openNamespaces(found, ['uts']).close();
        await end(first);
        await sleep(50); // its start is counted in hundredths of a second
        let next;
        for (let tries = 0; tries < 100 && next?.pid !== pid; tries++) {
          if (next) await end(next);
          fs.writeFileSync('${lastPid}', String(pid - 1));
          next = start();
        }
        openNamespaces(pid, ['uts']).close(); // by its pid alone it is entered
        let code;
        try { openNamespaces(found, ['uts']); } catch (error) { code = error.code; }
        const again = await findContainer('one', { root });
        console.log(JSON.stringify([found.pid === pid, next.pid === pid, code, again.state]));
        await end(next);
      } finally {
        fs.rmSync(root, { recursive: true });
      }`;
    const output = runScript(source, ['unshare', '--pid', '--fork', '--mount-proc']);
    expect(JSON.parse(output)).toEqual([true, true, 'ESRCH', 'exited']);
  });

  test('restarted under its name, the one that was found is gone, and the new one is found', async () => {
    await runc.start('three', { hostname: 'first' });
    const first = await find('three');
    await runc.run('delete', '--force', 'three');
    expect(errorOf(() => withNamespaces(first, ['uts'], () => {})).code).toBe('ESRCH');
    expect((await rejectionOf(find('three'))).code).toBe('ENOENT');
    await runc.run('run', '-d', '--bundle', `${runc.machine.folder}/bundle-three`, 'three');
    expect(errorOf(() => withNamespaces(first, ['uts'], () => {})).code).toBe('ESRCH');
    const second = await find('three');
    expect(second.startTime).not.toBe(first.startTime);
    expect(withNamespaces(second, ['uts'], () => os.hostname())).toBe('first');
  });

  test('state that outlived its process, as after a crash, is no target', async () => {
    const pid = await runc.start('four');
    process.kill(pid, 'SIGKILL');
    await until('its end', () => read(`/proc/${pid}/comm`) === undefined);
    const state = JSON.parse(readFileSync(`${runc.machine.root}/run/runc/four/state.json`, 'utf8'));
    expect(state.init_process_pid).toBe(pid);
    const target = await find('four');
    expect(target).toMatchObject({ state: 'exited', pid: undefined, namespaces: undefined });
    const error = errorOf(() => withNamespaces(target, ['uts'], () => {}));
    expect(error).toMatchObject({ code: 'ESRCH', target: 'four' });
    expect(error.message).toContain('exited');
  });

  test('a startTime that is no number is no target', () => {
    const error = errorOf(() =>
      openNamespaces({ pid: process.pid, startTime: 'x' } as never, ['uts']),
    );
    expect(error.code).toBe('ERR_INVALID_ARG_TYPE');
  });

  test('what holds the lists of containers holds no files', async () => {
    const before = fdCount();
    for (let i = 0; i < 20; i++) await listContainers({ root: runc.machine.root });
    expect(fdCount()).toBe(before);
  });
});
