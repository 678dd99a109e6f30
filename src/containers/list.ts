/** `listContainers`. */
import type { ContainerOptions, Containers } from './container.ts';
import { finding } from './finding.ts';
import { checkOptions } from './options.ts';

/**
 * The containers of all engines on this machine: Docker's and Podman's (of all users, for root), CRI-O's,
 * containerd's and Kubernetes', LXC's, machines of systemd-nspawn, and those of runc and crun by
 * themselves. One that several engines know is one of the list. From the state that they keep on disk: no
 * daemon is asked but for what is nowhere else (`options.timeout`), so it works when one hangs.
 *
 * What may not or cannot be read is not in the list, and said in its `problems`.
 */
export async function listContainers(options: ContainerOptions = {}): Promise<Containers> {
  const checked = checkOptions(options);
  const { survey } = await finding();
  const { entries, problems, finish } = await survey(checked);
  return Object.assign(await finish(entries), { problems });
}
