/** Situations 1.8a to 1.8c in containers of the real engines. */
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { evaluate, openRoot } from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Docker,
  missing,
  type Podman,
  startDocker,
  startPodman,
} from '../../engines/index.ts';
import { makeFolder } from './fixtures/containers.ts';

const absent = missing('dockerd', 'containerd', 'runc', 'crun', 'podman', 'iptables', 'newuidmap');

describe.skipIf(absent)(`containers of engines [${absent || 'installed'}]`, () => {
  let docker: Docker;
  let podman: Podman;
  beforeAll(async () => {
    docker = await startDocker({ flags: ['--userns-remap=default'] });
    podman = await startPodman({ machine: docker.machine, rootless: true });
  }, 180_000);
  afterAll(() => docker?.machine.stop());

  const forever = ['sleep', '1000000'];
  /** The pid, and the merged directory where a process of the host finds it. */
  const kinds: Record<string, () => Promise<{ pid: number; merged: string; readOnly?: boolean }>> =
    {
      'Docker, users remapped': async () => {
        const id = (await docker.start('busybox:1', ...forever)).trim();
        return ofDocker(id);
      },
      'Docker, read-only': async () => {
        const id = (await docker.start('--read-only', 'busybox:1', ...forever)).trim();
        return { ...(await ofDocker(id)), readOnly: true };
      },
      'Docker, one static binary': async () =>
        ofDocker((await docker.start('distroless:1')).trim()),
      'Podman without root': async () => {
        const id = (await podman.start('busybox:1', ...forever)).trim();
        const { State, GraphDriver } = await podman.inspect(id);
        // Its overlay is mounted in a namespace of its own, that of `podman unshare`.
        return { pid: State.Pid, merged: GraphDriver?.Data?.MergedDir ?? '' };
      },
    };
  async function ofDocker(id: string) {
    const { State, GraphDriver } = await docker.inspect(id);
    return { pid: State.Pid, merged: join(docker.machine.root, GraphDriver.Data.MergedDir) };
  }

  test.each(Object.keys(kinds))('%s', async kind => {
    const { pid, merged, readOnly = false } = await (kinds[kind] as (typeof kinds)[string])();
    using root = openRoot(pid);
    // What the engine mounts there is not in the merged directory.
    const hosts = await root.readFile('/etc/hosts', 'utf8');
    expect(hosts).toContain('localhost');
    const evaluated = (path: string) =>
      evaluate(
        pid,
        'all',
        path => process.getBuiltinModule('node:fs').readFileSync(path, 'utf8'),
        path,
      );
    expect(await evaluated('/etc/hosts')).toBe(hosts);
    // A read-only root has its hosts file mounted read-only, too.
    if (readOnly) {
      await expect(root.writeFile('/made', 'x')).rejects.toMatchObject({ code: 'EROFS' });
      return;
    }
    await root.appendFile('/etc/hosts', '127.0.0.1 example.com\n');
    expect(await evaluated('/etc/hosts')).toBe(`${hosts}127.0.0.1 example.com\n`);
    await root.writeFile('/made', 'by us', { atomic: true });
    expect(await evaluated('/made')).toBe('by us');
    expect(await root.stat('/made')).toMatchObject({ uid: 0, gid: 0 });
    const proc = `/proc/${pid}/root/made`;
    expect(statSync(proc).uid).not.toBe(0);
    expect(readFileSync(proc, 'utf8')).toBe('by us');
    if (kind.startsWith('Docker')) {
      expect(readFileSync(join(merged, 'made'), 'utf8')).toBe('by us');
    }
    await root.chown('/made', 33, 44);
    expect(await root.stat('/made')).toMatchObject({ uid: 33, gid: 44 });
    const copy = join(makeFolder(), 'copy');
    await root.copyOut('/made', copy, { preserveOwners: true });
    expect(statSync(copy)).toMatchObject({ uid: 33, gid: 44 });
    await root.rm('/made');
    expect(execFileSync('cat', [copy], { encoding: 'utf8' })).toBe('by us');
  });
});
