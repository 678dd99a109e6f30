/** What is known of where the state of an engine is, before anything of it has been read. */
import type { Reader } from './reader.ts';

/** Engines: root's and those of who asks; those of other users, which only root sees; all of these. */
export type Whose = 'ours' | 'others' | 'all';

/** All paths are as they are reached from here. */
export interface Locations {
  readonly docker: readonly DockerLocation[];
  readonly podman: readonly PodmanLocation[];
  readonly containerd: readonly ContainerdLocation[];
  /** `--root` of runc and crun. */
  readonly runtimes: readonly RuntimeLocation[];
  /** `--root` of runc below containerd's shims: a directory for each of containerd's namespaces. */
  readonly shims: readonly RuntimeLocation[];
  /** The directories of LXC's containers, and of machines that systemd has registered. */
  readonly lxc: readonly string[];
  readonly machines: readonly string[];
}

/** With who reads it: what is a user's, as that user's. */
export interface RuntimeLocation {
  readonly path: string;
  readonly owner: number;
  readonly reader: Reader;
}

/** `reader`: of the directory that the socket is in, which has to be root's, as who listens. */
export interface GrpcLocation {
  readonly socket: string;
  readonly reader: Reader;
}

export interface ContainerdLocation {
  readonly state: string;
  readonly owner: number;
  readonly reader: Reader;
  /** Where it is root's own, and not Docker's. */
  readonly grpc: GrpcLocation | undefined;
}

export interface DockerLocation {
  /** undefined where only the socket is known. */
  readonly dataRoot: string | undefined;
  readonly execRoot: string | undefined;
  readonly socket: string;
  readonly owner: number;
  /** `runtimes` of its daemon.json. */
  readonly runtimes: unknown;
  readonly ofData: Reader;
  readonly ofExec: Reader;
  readonly ofSocket: Reader;
}

export interface PodmanLocation {
  readonly root: string;
  /** One of them; which is not known of users who have no session. */
  readonly runroots: readonly string[];
  readonly socket: string;
  readonly owner: number;
  readonly ofRoot: Reader;
  readonly ofRunroot: (runroot: string) => Reader;
  readonly ofSocket: Reader;
  /** CRI-O's, of root's storage. */
  readonly grpc: GrpcLocation | undefined;
}
