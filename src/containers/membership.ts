/** To which containers namespaces and processes belong: for the lists of these. */
import type { NamespaceType } from '../base/namespace-types.ts';
import type { Container } from './container.ts';

/** What has to be known of a process. */
export interface MemberRow {
  readonly pid: number;
  readonly ppid: number;
  /** By inode. */
  readonly namespaces: ReadonlyMap<NamespaceType, number>;
  readonly cgroup: string;
}

export class Members {
  readonly #byNamespace = new Map<number, Container[]>();
  readonly #byPid = new Map<number, Container>();
  readonly #byCgroup = new Map<string, Container>();
  /** Of processes that were asked for, and of those above them. */
  readonly #known = new WeakMap<MemberRow, Container | undefined>();

  constructor(containers: readonly Container[]) {
    for (const container of containers) {
      const { pid, cgroup, id, namespaces = {} } = container;
      if (pid === undefined) continue;
      this.#byPid.set(pid, container);
      // Where cgroups cannot be made (rootless), the name shows that it is nobody's own.
      if (cgroup !== undefined && isNamedBy(cgroup, id)) this.#byCgroup.set(cgroup, container);
      for (const { inode, host } of Object.values(namespaces)) {
        if (host) continue;
        const list = this.#byNamespace.get(inode);
        if (list === undefined) this.#byNamespace.set(inode, [container]);
        else list.push(container);
      }
    }
  }

  /** Several where they share it, as in a pod; none for the host's. */
  ofNamespace(inode: number): readonly Container[] {
    return this.#byNamespace.get(inode) ?? [];
  }

  /**
   * The container that a process runs in: by its mount namespace, which is the container's also for
   * what was started in it from outside (`docker exec`); by its cgroup; or as its parent does. `rows`
   * finds the other processes, of the same list each time.
   */
  ofProcess(row: MemberRow, rows: (pid: number) => MemberRow | undefined): Container | undefined {
    const way: MemberRow[] = [];
    let container: Container | undefined;
    for (let one: MemberRow | undefined = row; one && !container; one = rows(one.ppid)) {
      if (this.#known.has(one)) {
        container = this.#known.get(one);
        break;
      }
      this.#known.set(one, undefined); // also where the way goes in a circle
      way.push(one);
      container = this.#byPid.get(one.pid) ?? this.#ofMount(one) ?? this.#inCgroup(one);
    }
    for (const one of way) this.#known.set(one, container);
    return container;
  }

  #ofMount({ namespaces }: MemberRow): Container | undefined {
    const list = this.ofNamespace(namespaces.get('mnt') ?? -1);
    return list.length === 1 ? list[0] : undefined;
  }

  #inCgroup({ cgroup }: MemberRow): Container | undefined {
    for (let path = cgroup; path !== ''; path = path.slice(0, path.lastIndexOf('/'))) {
      const container = this.#byCgroup.get(path);
      if (container !== undefined) return container;
    }
    return undefined;
  }
}

/**
 * Is a directory on the way to a cgroup named by the id: `web`, `crun-web.scope`, `lxc.payload.web`? That a short
 * one is in another name (`web` in `webmin.service`) says nothing.
 */
export function isNamedBy(path: string, id: string): boolean {
  if (id.length >= 32) return path.includes(id);
  return path.split('/').some(name => {
    if (name === id || name === `lxc.payload.${id}`) return true;
    const unit = name.replace(/\.(scope|service)$/, '');
    return unit !== name && (unit === id || unit.endsWith(`-${id}`) || unit.endsWith(`@${id}`));
  });
}
