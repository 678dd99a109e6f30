/**
 * LXC: the configuration of each container. What runs it is a monitor, which says so in its title, and
 * whose child is the container's first process: nothing of that is written down.
 */
import { basename } from 'node:path';
import { errnos } from '../base/errnos.ts';
import { failure } from '../base/errors.ts';
import { state as limits } from '../base/limits.ts';
import { fileOfProcess, firstMounts, mountsIn, unescaped } from '../base/proc.ts';
import {
  type ProcessFiles,
  type ProcessRow,
  processRows,
  readProcesses,
} from '../base/processes.ts';
import { heldUp } from '../base/waiting-files.ts';
import type { Mount } from './container.ts';
import { isId, pairs, text, ticks, wholePath } from './fields.ts';
import type { Reader } from './reader.ts';
import type { Entry, Sighting } from './sighting.ts';

/** lxc.system.conf(5): where the tools of root put containers that are made from now on, and those of before. */
export async function lxcPaths(reader: Reader): Promise<string[]> {
  const settings = await reader.text(await reader.locate('/etc/lxc/lxc.conf'), limits.settings);
  const set = wholePath(/^[ \t]*lxc\.lxcpath[ \t]*=(.*)$/m.exec(settings ?? '')?.[1]?.trim());
  const all = ['/var/lib/lxc', ...(set ? [set] : [])].map(path => reader.locate(path));
  return [...new Set(await Promise.all(all))];
}

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
      const process = initOf(reader, path, id, processes).catch(error => {
        if (!isWant(error)) throw error;
        return { doubt: `its monitor cannot be looked at: ${error.message}` };
      });
      return [{ ...parse(reader, id, config), ...(await process) }];
    },
  }));
}

/** lxc.container.conf(5): `key = value`; a key may come several times, an empty value clears it. */
function parse(reader: Reader, id: string, config: string): Sighting {
  const values = new Map<string, string[]>();
  for (const line of config.split('\n')) {
    const [, key, rest = ''] = /^\s*(lxc\.[\w.]+)\s*=(.*)$/.exec(line) ?? [];
    if (key === undefined) continue;
    const value = rest.trim();
    const list = values.get(key);
    if (value === '' || list === undefined) values.set(key, value === '' ? [] : [value]);
    else list.push(value);
  }
  const last = (key: string) => text(values.get(key)?.at(-1));
  return {
    knownAs: { engine: 'lxc', id },
    owner: 0,
    isSeen: true,
    rootfs: reader.outside(last('lxc.rootfs.path')?.replace(/^(dir|btrfs):/, '')),
    hostname: last('lxc.uts.name'),
    env: pairs(values.get('lxc.environment') ?? []),
    mounts: (values.get('lxc.mount.entry') ?? []).flatMap(entry => mountOf(reader, entry)),
    logPath: reader.outside(last('lxc.console.logfile')),
  };
}

/** As in fstab(5); the destination is below the root, without a slash. */
function mountOf(reader: Reader, entry: string): Mount[] {
  const [source, destination, , options = ''] = entry.split(/\s+/).map(unescaped);
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
  const directory = reader.inside(path);
  const rows = await processes();
  const monitors = rows.filter(
    ({ command, uid }) => uid === 0 && isMonitorOf(command.trimEnd(), directory, id),
  );
  let doubt: string | undefined;
  for (const monitor of monitors) {
    const children = rows.filter(({ ppid }) => ppid === monitor.pid).map(({ pid }) => pid);
    const [its, ...theirs] = await readProcesses([monitor.pid, ...children], ['exe', 'stat']);
    const isHere = isLxc(its) ? hasRoot(monitor.pid, reader.root) : false;
    if (isHere === undefined) doubt = `its monitor, pid ${monitor.pid}, may be of another root`;
    if (!isHere) continue;
    for (const [i, pid] of children.entries()) {
      const startTime = startOfChild(theirs[i], monitor.pid);
      if (theirs[i]?.('stat') === errnos.ETIMEDOUT) doubt = `pid ${pid}: ${heldUp}`;
      if (startTime === undefined) continue;
      // A part of its start yet: before the monitor is on its own, or before the program is executed.
      if (!isLxc(theirs[i])) return { pid, startTime };
      doubt = `it is being started, by pid ${pid}`;
    }
  }
  if (doubt !== undefined) return { doubt };
  const some = rows.find(({ cgroup }) => hasNameOf(cgroup.split('/'), id));
  return some === undefined
    ? {}
    : {
        doubt: `pid ${some.pid} is in a cgroup of its name, and no monitor of LXC's says whose it is`,
      };
}

/** In the foreground (as Proxmox has it, and some units) it keeps its words, lxc-start(1). */
function isMonitorOf(command: string, directory: string, id: string): boolean {
  if (command === `[lxc monitor] ${directory} ${id}`) return true;
  const [program = '', ...all] = command.split(' ');
  if (!/^lxc-(start|execute)$/.test(basename(program))) return false;
  const words = all.includes('--') ? all.slice(0, all.indexOf('--')) : all;
  const given = words.findIndex(word => /^(-P|--lxcpath)$/.test(word));
  const joined = words
    .find(word => /^(-P.|--lxcpath=)/.test(word))
    ?.replace(/^(-P|--lxcpath=)/, '');
  const isThere = (joined ?? (given < 0 ? undefined : words[given + 1]) ?? directory) === directory;
  const isForeground = words.some(word => /^(-[dC]*F\w*|--foreground)$/.test(word));
  return isThere && isForeground && words.some((_, i) => isNameAt(words, i, id));
}

/** `-n web`, `-Fn web`, `--name=web`, or alone among options without a value. */
function isNameAt(words: readonly string[], i: number, id: string): boolean {
  const [word, before = ''] = [words[i], words[i - 1]];
  if (word === `-n${id}` || word === `--name=${id}`) return true;
  return word === id && /^(|-[FdC]*n?|--(name|foreground|daemon|close-all-fds))$/.test(before);
}

/** `lxc.payload.web`; before LXC 4, and with Proxmox, `lxc/web`. */
function hasNameOf(cgroup: readonly string[], id: string): boolean {
  return (
    cgroup.includes(`lxc.payload.${id}`) ||
    cgroup.some((name, i) => name === id && cgroup[i - 1] === 'lxc')
  );
}

function isLxc(files: ProcessFiles | undefined): boolean {
  const exe = textOf(files, 'exe') ?? '';
  return /^lxc-(start|execute|autostart|restore|copy)/.test(basename(exe));
}

function textOf(files: ProcessFiles | undefined, name: string): string | undefined {
  const text = files?.(name);
  if (typeof text === 'string' || text === undefined) return text;
  const error = failure(text, 'open');
  if (isWant(error)) throw error;
  return undefined;
}

/** Of files or memory: that a process could not be looked at for it says nothing of the process. */
function isWant(error: unknown): boolean {
  return ['EMFILE', 'ENFILE', 'ENOMEM'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/**
 * In a container there may be an LXC of its own, with the same titles. Told apart by what is mounted at the root: a
 * question to the file system itself may be answered never. undefined: where nothing is, as in a chroot.
 */
function hasRoot(pid: number, root: string): boolean | undefined {
  const [, other] = /^\/proc\/(\d+)\/root$/.exec(root) ?? [];
  const isElsewhere = root !== '' && other === undefined;
  const expected = isElsewhere
    ? mountAt(root, fileOfProcess('/proc/self/mountinfo') ?? '')
    : mountAt('/', firstMounts(Number(other ?? process.pid)));
  const found = mountAt('/', firstMounts(pid));
  if (found === expected) return true;
  return found === undefined || expected === undefined ? undefined : false;
}

/** Which directory of which file system is mounted there. */
function mountAt(point: string, mountinfo: string): string | undefined {
  const mount = mountsIn(mountinfo).findLast(one => one.point === point);
  return mount && `${mount.device} ${mount.root}`;
}

/** Of one look: a process with that parent, and when it started. proc_pid_stat(5). */
function startOfChild(files: ProcessFiles | undefined, parent: number): number | undefined {
  const fields = textOf(files, 'stat')?.split(') ').at(-1)?.split(' ');
  return Number(fields?.[1]) === parent ? ticks(Number(fields?.[19])) : undefined;
}
