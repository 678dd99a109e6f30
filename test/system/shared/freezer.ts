/** A process in a frozen control group, with cgroups of version 1 or 2. */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';

export interface Frozen {
  readonly cgroup: string;
  /** What is to be written, and where, so that it goes on. */
  readonly file: string;
  readonly thawed: string;
  /** It goes on, in the group above, and this one is removed. */
  thaw(): void;
}

/** undefined where there is no freezer. */
export function freeze(pid: number): Frozen | undefined {
  const [base, name, frozen, thawed] = existsSync('/sys/fs/cgroup/cgroup.procs')
    ? (['/sys/fs/cgroup', 'cgroup.freeze', '1', '0'] as const)
    : (['/sys/fs/cgroup/freezer', 'freezer.state', 'FROZEN', 'THAWED'] as const);
  const cgroup = `${base}/linux-namespaces-frozen-${pid}`;
  const file = `${cgroup}/${name}`;
  try {
    mkdirSync(cgroup);
    writeFileSync(`${cgroup}/cgroup.procs`, `${pid}`);
    writeFileSync(file, frozen);
  } catch {
    return undefined;
  }
  return {
    cgroup,
    file,
    thawed,
    thaw() {
      writeFileSync(file, thawed);
      writeFileSync(`${base}/cgroup.procs`, `${pid}`);
      rmdirSync(cgroup);
    },
  };
}
