/** What a container is to callers: its public types. */
import type { NamespaceError } from '../base/errors.ts';
import type { NamespaceType } from '../base/namespace-types.ts';

/** Kubernetes' containers are containerd's or CRI-O's, with a `pod`; nerdctl's are containerd's. */
export type Engine =
  | 'docker'
  | 'podman'
  | 'cri-o'
  | 'containerd'
  | 'lxc'
  | 'nspawn'
  | 'runc'
  | 'crun';

/**
 * In the words that most engines use. `exited` is also what runc and crun call stopped; `created`:
 * its program has not been started yet; `dead`: Docker could not remove it; `unknown`: its engine says that
 * it runs, and nothing proves which process it is, or that there is none any more: `problems` says why.
 */
export type ContainerState =
  | 'created'
  | 'running'
  | 'paused'
  | 'restarting'
  | 'removing'
  | 'exited'
  | 'dead'
  | 'unknown';

/** One container, whichever engines know it, as it was when it was looked for. */
export interface Container {
  /** The engine that people use for it: not the ones below it, which `knownAs` has. */
  readonly engine: Engine;
  readonly id: string;
  /** The name at Docker, Podman or nerdctl, or in Kubernetes' pod; for the others it is the id. */
  readonly name: string;
  /**
   * What runs it: `'runc'`, `'crun'`, or what its engine was told to use. One with a kernel of its own
   * (`'runsc'`, `'kata'`) has no `pid`: the engine's is that of the sandbox, which the container is not in.
   */
  readonly runtime: string | undefined;
  readonly state: ContainerState;
  /**
   * Of its first process, as our /proc shows it; undefined when there is none, or when that could not
   * be looked at (too few files, too little memory): then `problems` says so, and `state` is the
   * engine's word. It was checked to be the process that the engine started, and not another that got
   * its number.
   */
  readonly pid: number | undefined;
  /**
   * When that process started, in clock ticks after boot: field 22 of /proc/PID/stat. With it a
   * container is a target that is never mistaken for what has its pid later on.
   */
  readonly startTime: number | undefined;
  /** The uid whose engine it is: 0, or that of the user of a rootless one. */
  readonly owner: number;
  /** The image's name. Not known of what `ctr`, runc or crun run by themselves. */
  readonly image: string | undefined;
  /** The directory that is its root, seen from outside; empty when nothing is mounted there. */
  readonly rootfs: string | undefined;
  /** The directory of its OCI bundle. */
  readonly bundle: string | undefined;
  /** undefined where they cannot be known: of containerd's without `grpc`, of Podman's without its socket. */
  readonly labels: Readonly<Record<string, string>> | undefined;
  /** Those of the OCI configuration. */
  readonly annotations: Readonly<Record<string, string>> | undefined;
  /** The program and its arguments, as they were configured. */
  readonly command: readonly string[] | undefined;
  /** As which its program was configured to run, as the engine has it: `'app'`, `'1000:1000'`. */
  readonly user: string | undefined;
  /** The working directory of its program, as it was configured. */
  readonly workingDir: string | undefined;
  /** The environment that it was configured with: not what its program made of it. */
  readonly env: Readonly<Record<string, string>> | undefined;
  /** undefined where they cannot be known; empty where there are none. */
  readonly ports: readonly Port[] | undefined;
  /** Volumes and directories from outside, without what the engine itself puts there. */
  readonly mounts: readonly Mount[] | undefined;
  /** The file that its output goes to, as it is reached from here; undefined where there is none. */
  readonly logPath: string | undefined;
  /** As configured; a container that has not got a `uts` of its own has none. */
  readonly hostname: string | undefined;
  /** The path of its cgroup, as /proc/PID/cgroup has it; in cgroup2, or else of its first controller. */
  readonly cgroup: string | undefined;
  readonly created: Date | undefined;
  /** When it was last started. */
  readonly started: Date | undefined;
  /** The namespaces of the process; undefined without one, or where we may not look. */
  readonly namespaces: ContainerNamespaces | undefined;
  /** The pod that it is in: Kubernetes', or Podman's. */
  readonly pod: Pod | undefined;
  /** The snapshot of containerd's that is its root; undefined where containerd was not asked (`grpc`). */
  readonly snapshot: Snapshot | undefined;
  /** What engines call it: the first is `engine` itself, the others those that it works with. */
  readonly knownAs: readonly KnownAs[];
}

export type ContainerNamespaces = Readonly<
  Partial<
    Record<
      NamespaceType,
      {
        /** The number by which /proc and lsns know it. */
        readonly inode: number;
        /** Is it the one that the host's first process is in? With a `root`, see there. */
        readonly host: boolean;
      }
    >
  >
>;

/** A port of the container, in the words of Docker's API. */
export interface Port {
  /** Where it is published; undefined for a port that is not, or is on all addresses. */
  readonly ip: string | undefined;
  /** Inside. */
  readonly privatePort: number;
  /** Outside; undefined for a port that is not published. */
  readonly publicPort: number | undefined;
  /** `'tcp'`, `'udp'`, `'sctp'` */
  readonly type: string;
}

/** A mount of the container, in the words of Docker's API. */
export interface Mount {
  /** `'bind'`, `'volume'`, `'tmpfs'`; of what only the OCI configuration tells, always `'bind'`. */
  readonly type: string;
  /** Of a volume. */
  readonly name: string | undefined;
  /** As it is reached from here; undefined where it is no path. Of an overlay, the directory that it is laid over. */
  readonly source: string | undefined;
  /** Inside. */
  readonly destination: string;
  /** May it be written to? */
  readonly rw: boolean;
}

/** As `ctr snapshot` has it: `ctr -n NAMESPACE snapshot --snapshotter SNAPSHOTTER info KEY`. */
export interface Snapshot {
  readonly snapshotter: string;
  readonly key: string;
}

export interface Pod {
  /** undefined for Podman's where its socket does not answer. */
  readonly name: string | undefined;
  /** Kubernetes' namespace. */
  readonly namespace: string | undefined;
  /** Kubernetes' uid of the pod, Podman's id of it. */
  readonly uid: string | undefined;
  /** The id of the container that holds the pod's namespaces. */
  readonly sandbox: string | undefined;
  /** undefined where its engine was not asked (`grpc`), and of Podman's. */
  readonly labels: Readonly<Record<string, string>> | undefined;
}

export interface KnownAs {
  readonly engine: Engine;
  readonly id: string;
  /** containerd's namespace: `ctr -n moby`. */
  readonly namespace?: string;
  /** Where runc or crun keeps it: `runc --root /run/docker/runtime-runc/moby`. */
  readonly root?: string;
}

/** The containers, and what could not be read. */
export type Containers = Container[] & {
  /**
   * Why the list may lack something, each with `code` and, as `target`, the path: state without the
   * right to read it, half-written, of an unknown version; a socket that did not answer in time.
   */
  readonly problems: readonly NamespaceError[];
};

export interface ContainerOptions {
  /**
   * The root directory of the host, for a program that is in a container itself (`'/host'`), or of
   * engines in a mount namespace of their own (`'/proc/PID/root'`: the namespaces of that process are
   * the host's then, and pids are translated from its pid namespace). Default: `'/'`. Pids are always those
   * of our /proc, which has to be the host's for a directory of the host's (`--pid=host`).
   */
  root?: string | undefined;
  /** Engines that keep their state elsewhere, by the names of their own options. */
  directories?: Directories | undefined;
  /**
   * How long the sockets of engines are waited for at most, in milliseconds. Default: 2000. With 0
   * they are not asked. Only what is not on disk is asked for there: Podman's labels, ports and names of
   * pods, and, for a user who may use the socket but not read the state, what Docker has.
   */
  timeout?: number | undefined;
  /**
   * Ask containerd and CRI-O, too, by their gRPC sockets (`/run/containerd/containerd.sock`, `/run/crio/crio.sock`, k3s', MicroK8s'),
   * for what they keep in databases: labels, images, snapshots, labels of pods, and containers of which
   * no task is left. The sockets have to be root's, and are usually for root alone. Default: false.
   */
  grpc?: boolean | undefined;
}

export interface Directories {
  /** Default: those of /etc/docker/daemon.json, or /var/lib/docker and /run/docker. */
  docker?: { 'data-root'?: string; 'exec-root'?: string } | undefined;
  /** Default: those of /etc/containers/storage.conf, or /var/lib/containers/storage and /run/containers/storage. */
  podman?: { root?: string; runroot?: string } | undefined;
  /** Default: that of /etc/containerd/config.toml, or /run/containerd; and those of k3s, k0s and MicroK8s. */
  containerd?: { state?: string } | undefined;
  /** Default: /run/runc. */
  runc?: { root?: string } | undefined;
  /** Default: /run/crun. */
  crun?: { root?: string } | undefined;
}
