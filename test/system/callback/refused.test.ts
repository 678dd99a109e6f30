/** Whatever the machine refuses, limits, rights or Node itself: a clear error, and nothing has changed. */
import { describe, expect, test } from 'vitest';
import { hasProgram, runScript, startTarget } from '../shared/support.ts';
import { expectUnchanged } from '../shared/unchanged.ts';

expectUnchanged();

describe('createNamespaces', () => {
  test('where a limit is reached', () => {
    // In a user namespace of its own, whose limits are nobody else's.
    const seen = runScript(
      `
      import { readdirSync, writeFileSync } from 'node:fs';
      import { createNamespaces } from 'linux-namespaces';
      (await createNamespaces(['net'])).close();
      console.log('warm');
      const fds = () => readdirSync('/proc/self/fd').length;
      const before = fds();
      writeFileSync('/proc/sys/user/max_net_namespaces', '0');
      for (const types of [['net'], ['uts', 'net']]) {
        await createNamespaces(types).then(
          () => console.log('made'),
          error => console.log(JSON.stringify({ ...error, message: error.message })),
        );
      }
      console.log(fds() - before);
      `,
      ['unshare', '--user', '--map-root-user'],
    );
    const [, one, two, fds] = seen.trim().split('\n') as [string, string, string, string];
    expect(JSON.parse(one)).toMatchObject({
      code: 'ENOSPC',
      errno: -28,
      syscall: 'unshare',
      type: 'net',
      message: expect.stringContaining('/proc/sys/user/max_net_namespaces'),
    });
    expect(JSON.parse(two)).toMatchObject({
      code: 'ENOSPC',
      message: expect.stringContaining('/proc/sys/user/max_net_namespaces'),
    });
    expect(fds).toBe('0');
  });

  test('where no more files can be opened', () => {
    const seen = runScript(
      `
      import { readdirSync, openSync, closeSync, readlinkSync } from 'node:fs';
      import { createNamespaces, openNamespaces } from 'linux-namespaces';
      const lab = await createNamespaces(['net', 'uts']);
      lab.run(() => {});
      await new Promise(setImmediate);
      await new Promise(setImmediate);
      const at = () => readlinkSync('/proc/thread-self/ns/net');
      const home = at();
      const before = readdirSync('/proc/self/fd').length;
      const taken = [];
      try { for (;;) taken.push(openSync('/dev/null')); } catch {}
      const errors = [];
      // With each fd that is free, one step further.
      for (let free = 0; free < 12; free++) {
        for (const step of [
          () => lab.run(() => {}),
          () => openNamespaces(process.pid, ['net', 'uts', 'ipc']).close(),
          () => openNamespaces({ net: '/proc/self/ns/net' }, ['net']).close(),
        ]) {
          try { step(); errors.push('done'); } catch (error) { errors.push(error.code); }
          await new Promise(setImmediate);
          await new Promise(setImmediate);
          if (at() !== home) errors.push('wrong place');
        }
        const made = await createNamespaces(['net', 'uts']).catch(error => error);
        errors.push(made.code ?? 'done');
        made.close?.();
        closeSync(taken.pop());
      }
      for (const fd of taken) closeSync(fd);
      const left = readdirSync('/proc/self/fd').length - before; // console.log opens one of its own
      console.log(JSON.stringify([[...new Set(errors)].sort(), errors.at(-1)]));
      console.log(left);
      `,
      ['sh', '-c', 'ulimit -n 100; exec "$@"', 'sh'],
    );
    expect(seen).toBe('[["EMFILE","done"],"done"]\n0\n');
  });
});

describe('without the power', () => {
  const report = `
    import { readdirSync, readlinkSync } from 'node:fs';
    import { createNamespaces, openNamespaces, withNamespaces } from 'linux-namespaces';
    const at = () => ['net', 'uts', 'ipc', 'cgroup'].map(t => readlinkSync('/proc/thread-self/ns/' + t));
    const state = () => JSON.stringify([at(), readdirSync('/proc/self/fd').length]);
    const settled = async () => { for (let i = 0; i < 3; i++) await new Promise(setImmediate); };
    const show = error => console.log(JSON.stringify({ ...error, message: error.message }));
    const attempt = fn => { try { fn(); console.log('"done"'); } catch (error) { show(error); } };
    attempt(() => withNamespaces(process.pid, ['net'], () => {}));
    await createNamespaces(['net']).catch(() => {});
    await settled();
  `;
  const parsed = (output: string) =>
    output
      .trim()
      .split('\n')
      .map(line => JSON.parse(line));

  test('as a user: nothing of root is opened, nothing is entered', async () => {
    await using target = await startTarget('--net');
    const seen = parsed(
      runScript(`
        process.setgroups([]); process.setgid(65534); process.setuid(65534);
        ${report}
        const before = state();
        attempt(() => withNamespaces(${target.pid}, ['net'], () => console.log('"ran"')));
        attempt(() => openNamespaces(${target.pid}, ['net']));
        attempt(() => openNamespaces({ net: '/proc/${target.pid}/ns/net' }, ['net']));
        attempt(() => withNamespaces(process.pid, ['net'], () => console.log('"ran"')));
        await createNamespaces(['uts', 'net']).catch(show);
        await settled();
        console.log(JSON.stringify(state() === before));
      `).replace(/^.*\n/, ''),
    );
    const foreign = {
      code: 'EACCES',
      type: 'net',
      target: target.pid,
      message: expect.stringContaining('CAP_SYS_PTRACE'),
    };
    expect(seen).toMatchObject([
      foreign,
      foreign,
      { ...foreign, target: `/proc/${target.pid}/ns/net` },
      {
        code: 'EPERM',
        type: 'net',
        syscall: 'setns',
        message: expect.stringContaining('CAP_SYS_ADMIN'),
      },
      {
        code: 'EPERM',
        syscall: 'unshare',
        message: expect.stringContaining('CAP_SYS_ADMIN'),
      },
      true,
    ]);
  });

  test.skipIf(!hasProgram('setpriv'))('as root without CAP_SYS_ADMIN [needs setpriv]', async () => {
    await using target = await startTarget('--net');
    const seen = parsed(
      runScript(
        `${report}
        const before = state();
        using handle = openNamespaces(${target.pid}, ['net']);
        attempt(() => handle.run(() => console.log('"ran"')));
        attempt(() => withNamespaces(${target.pid}, ['net'], () => console.log('"ran"')));
        await createNamespaces(['ipc']).catch(show);
        handle.close();
        await settled();
        console.log(JSON.stringify(state() === before));
        `.replace('using handle', 'const handle'),
        ['setpriv', '--bounding-set', '-sys_admin', '--inh-caps', '-sys_admin'],
      ).replace(/^.*\n/, ''),
    );
    const refused = {
      code: 'EPERM',
      type: 'net',
      syscall: 'setns',
      message: expect.stringContaining('CAP_SYS_ADMIN'),
    };
    expect(seen).toMatchObject([
      refused,
      refused,
      { code: 'EPERM', type: 'ipc', message: expect.stringContaining('CAP_SYS_ADMIN') },
      true,
    ]);
  });

  test.skipIf(!hasProgram('setpriv'))(
    'as root without CAP_SYS_PTRACE [needs setpriv]',
    async () => {
      // A process with more capabilities than we have is not ours to look into.
      await using target = await startTarget('--net');
      const [error] = parsed(
        runScript(
          `${report}
        attempt(() => openNamespaces(${target.pid}, ['net']));
        `,
          ['setpriv', '--bounding-set', '-sys_ptrace', '--inh-caps', '-sys_ptrace'],
        ).replace(/^.*\n/, ''),
      );
      expect(error).toMatchObject({
        code: 'EACCES',
        type: 'net',
        target: target.pid,
        message: expect.stringContaining('CAP_SYS_PTRACE'),
      });
    },
  );
});

test('a Node that cannot be kept apart: nothing is entered, nothing is left open', () => {
  const seen = runScript(`
    import http from 'node:http';
    import { readdirSync } from 'node:fs';
    import { createNamespaces } from 'linux-namespaces';
    const { addRequest } = http.Agent.prototype;
    const lab = await createNamespaces(['net']);
    console.log('warm');
    const attempt = () => {
      try { lab.run(() => console.log('ran')); } catch (error) { console.log(error.message); }
    };
    http.Agent.prototype.addRequest = undefined;
    attempt();
    const before = readdirSync('/proc/self/fd').length;
    attempt();
    console.log(readdirSync('/proc/self/fd').length - before);
    // Half of it may be in place by then: it stays refused.
    http.Agent.prototype.addRequest = addRequest;
    attempt();
  `);
  expect(seen.trim().split('\n')).toEqual([
    'warm',
    expect.stringMatching(/does not know this version of Node .*addRequest/),
    expect.stringMatching(/does not know this version of Node .*addRequest/),
    '0',
    expect.stringMatching(/does not know this version of Node .*addRequest/),
  ]);
});

describe('in a user namespace', () => {
  const report = `
    import { readdirSync, readlinkSync } from 'node:fs';
    import { createNamespaces } from 'linux-namespaces';
    const at = () => ['net', 'uts'].map(type => readlinkSync('/proc/thread-self/ns/' + type)).join();
    const fds = () => readdirSync('/proc/self/fd').length;
    const settled = async () => { for (let i = 0; i < 3; i++) await new Promise(setImmediate); };
    const lab = await createNamespaces(['net', 'uts'], { hostname: 'lab' });
    const net = await createNamespaces(['net']);
    console.log('warm');
    const home = at();
    const enter = async handle => {
      try { console.log(handle.run(() => at() !== home)); }
      catch (error) { console.log(error.code, error.type, error.message.split('; ')[1]); }
      await settled();
    };
    await enter(lab);
    const before = fds();
    for (const handle of [lab, net, lab]) {
      await enter(handle);
      console.log(at() === home, fds() - before);
    }
  `;

  test('that owns none of our own: nothing is entered from where there is no way back', () => {
    const seen = runScript(report, ['unshare', '--user', '--map-root-user']);
    expect(seen.trim().split('\n').slice(2)).toEqual([
      expect.stringMatching(/^EPERM (uts|net) this thread could not come back: CAP_SYS_ADMIN/),
      'true 0',
      expect.stringMatching(/^EPERM net this thread could not come back: CAP_SYS_ADMIN/),
      'true 0',
      expect.stringMatching(/^EPERM (uts|net) this thread could not come back: CAP_SYS_ADMIN/),
      'true 0',
    ]);
  });

  test('that owns our network: from that, networks are entered', () => {
    const seen = runScript(report, ['unshare', '--user', '--map-root-user', '--net']);
    expect(seen.trim().split('\n').slice(2)).toEqual([
      expect.stringMatching(/^EPERM uts this thread could not come back: CAP_SYS_ADMIN/),
      'true 0',
      'true',
      'true 0',
      expect.stringMatching(/^EPERM uts this thread could not come back: CAP_SYS_ADMIN/),
      'true 0',
    ]);
  });

  test('that owns both', () => {
    const seen = runScript(report, ['unshare', '--user', '--map-root-user', '--net', '--uts']);
    expect(seen.replace(/\n/g, ' ')).toBe('warm true true true 0 true true 0 true true 0 ');
  });
});
