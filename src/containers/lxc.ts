/**
 * LXC: the configuration of each container. What runs it is a monitor, which says so in its title, and
 * whose child is the container's first process: nothing of that is written down.
 */
import { readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { fileOfProcess } from '../base/proc.ts';
import { type ProcessRow, processRows } from '../base/processes.ts';
import type { Mount } from './container.ts';
import { isId, pairs, text, ticks } from './fields.ts';
import type { Reader } from './reader.ts';
import type { Entry, Sighting } from './sighting.ts';

export async function findLxc(reader: Reader, path: string): Promise<Entry[]> {
  const ids = (await reader.names(path)).filter(isId);
  let scanning: Promise<readonly ProcessRow[]> | undefined;
  const processes = () => {
    scanning ??= processRows().then(rows => [...rows.values()]);
    return scanning;
  };
  return ids.map(id => ({
    engine: 'lxc',
    id,
    owner: 0,
    read: async () => {
      const config = await reader.text(`${path}/${id}/config`);
      if (config === undefined) return [];
      return [{ ...parse(reader, id, config), ...(await initOf(reader, path, id, processes)) }];
    },
  }));
}

/** lxc.container.conf(5): `key = value`; a key may come several times, an empty value clears it. */
function parse(reader: Reader, id: string, config: string): Sighting {
  const values = new Map<string, string[]>();
  for (const line of config.split('\n')) {
    const [, key, value = ''] = /^\s*(lxc\.[\w.]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (key === undefined) continue;
    values.set(key, value === '' ? [] : [...(values.get(key) ?? []), value]);
  }
  const last = (key: string) => text(values.get(key)?.at(-1));
  return {
    knownAs: { engine: 'lxc', id },
    owner: 0,
    rootfs: reader.outside(last('lxc.rootfs.path')?.replace(/^dir:/, '')),
    hostname: last('lxc.uts.name'),
    env: pairs(values.get('lxc.environment') ?? []),
    mounts: (values.get('lxc.mount.entry') ?? []).flatMap(entry => mountOf(reader, entry)),
    logPath: reader.outside(last('lxc.console.logfile')),
  };
}

/** As in fstab(5); the destination is below the root, without a slash. */
function mountOf(reader: Reader, entry: string): Mount[] {
  const [source, destination, , options = ''] = entry.split(/\s+/);
  if (destination === undefined || !/\br?bind\b/.test(options)) return [];
  return [
    {
      type: 'bind',
      name: undefined,
      source: reader.outside(source),
      destination: `/${destination.replace(/^\/+/, '')}`,
      rw: !options.split(',').includes('ro'),
    },
  ];
}

/** The child of the monitor: of root's program, since anybody can give a process of theirs that title. */
async function initOf(
  reader: Reader,
  path: string,
  id: string,
  processes: () => Promise<readonly ProcessRow[]>,
): Promise<Pick<Sighting, 'pid' | 'startTime' | 'doubt'>> {
  const title = `[lxc monitor] ${reader.inside(path)} ${id}`;
  const rows = await processes();
  const monitors = rows.filter(({ command, uid }) => uid === 0 && command.trimEnd() === title);
  for (const monitor of monitors) {
    if (!isLxc(monitor.pid)) continue;
    for (const { pid, ppid } of rows) {
      const startTime = ppid === monitor.pid ? startOfChild(pid, ppid) : undefined;
      if (startTime !== undefined) return { pid, startTime };
    }
  }
  const some = rows.find(({ cgroup }) => cgroup.split('/').includes(`lxc.payload.${id}`));
  return some === undefined
    ? {}
    : {
        doubt: `pid ${some.pid} is in a cgroup of its name, and no monitor of LXC's says whose it is`,
      };
}

function isLxc(pid: number): boolean {
  try {
    return /^lxc-(start|execute|autostart|restore|copy)/.test(
      basename(readlinkSync(`/proc/${pid}/exe`)),
    );
  } catch {
    return false;
  }
}

/** Of one look: a process with that parent, and when it started. proc_pid_stat(5). */
function startOfChild(pid: number, parent: number): number | undefined {
  const fields = fileOfProcess(`/proc/${pid}/stat`)?.split(') ').at(-1)?.split(' ');
  return Number(fields?.[1]) === parent ? ticks(Number(fields?.[19])) : undefined;
}
