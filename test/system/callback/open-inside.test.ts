// Namespaces opened by a thread that goes there and comes back: so does a callback by pid where the ioctls of a pidfd
// wait for a process that is held up in an exec, or are not there. Asked of the addon, for which kernel it is decides
// whether the library does; setns(2) takes a pidfd since Linux 5.8.
import { spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { binding } from '../../../src/base/binding.ts';
import { errnos } from '../../../src/base/errnos.ts';
import { isSince } from '../../../src/base/kernel.ts';
import { kindOf, type NamespaceType, threadKinds } from '../../../src/base/namespace-types.ts';
import { collected, fdCount, placeOf, places, startTarget } from '../shared/support.ts';

const tooOld = !isSince(5, 8) && 'before Linux 5.8';
const root = join(import.meta.dirname, '../../..');

let fds: number;
beforeEach(() => {
  fds = fdCount();
});
afterEach(async () => {
  await collected(fds);
  expect(fdCount()).toBe(fds);
});

/** What openInside gives for the process, with the ways back of this thread. */
function openInside(pid: number, types: readonly NamespaceType[]): readonly number[] | number {
  const pidfd = binding.pidfdOpen(pid, 0);
  const backs = types.map(type => binding.openNamespace(`/proc/thread-self/ns/${type}`));
  try {
    return binding.openInside(
      pidfd,
      ...types.flatMap((type, i) => [kindOf[type].flag, backs[i] as number]),
    );
  } finally {
    for (const fd of [pidfd, ...backs]) binding.close(fd);
  }
}

describe.skipIf(tooOld)(`open inside [${tooOld || 'Linux 5.8'}]`, () => {
  test('they are those of the process, and the thread is back', async () => {
    await using target = await startTarget('--net', '--uts', '--ipc', '--cgroup');
    const types = threadKinds.map(kind => kind.name);
    const before = places();
    const opened = openInside(target.pid, types);
    expect(places()).toEqual(before);
    if (typeof opened === 'number') throw new Error(`openInside: ${opened}`);
    const found = opened.map(fd => readlinkSync(`/proc/self/fd/${fd}`));
    for (const fd of opened) binding.close(fd);
    expect(found).toEqual(types.map(type => placeOf(target.pid, type)));
  });

  test('of a process that has ended, or may not be entered so, nothing is open', async () => {
    await using target = await startTarget('--net', '--mount');
    const before = places();
    expect(openInside(target.pid, ['net', 'mnt'])).toBe(errnos.EINVAL);
    const pidfd = binding.pidfdOpen(target.pid, 0);
    const back = binding.openNamespace('/proc/thread-self/ns/net');
    await target.kill();
    const gone = binding.openInside(pidfd, kindOf.net.flag, back);
    for (const fd of [pidfd, back]) binding.close(fd);
    expect(gone).toBe(errnos.ESRCH);
    expect(places()).toEqual(before);
  });

  test('without a way back the process ends there', async () => {
    await using target = await startTarget('--net');
    const elsewhere = `
    const addon = require('node-gyp-build')(${JSON.stringify(root)});
    const pidfd = addon.pidfdOpen(${target.pid}, 0);
    addon.openInside(pidfd, ${kindOf.net.flag}, require('node:fs').openSync('/dev/null'));
    console.log('went on');`;
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['-e', elsewhere], {
      cwd: root,
      encoding: 'utf8',
    });
    expect({ status, signal, stdout }).toEqual({ status: null, signal: 'SIGABRT', stdout: '' });
    expect(stderr).toContain('no way back from a target: setns: Invalid argument');
  });
});
