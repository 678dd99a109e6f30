/** The directories of engines that a caller may name, by the names of the engines' own options. */
import type { Directories } from './container.ts';

export const directoryNames: Readonly<Record<keyof Directories, readonly string[]>> = {
  docker: ['data-root', 'exec-root'],
  podman: ['root', 'runroot'],
  containerd: ['state'],
  runc: ['root'],
  crun: ['root'],
};
