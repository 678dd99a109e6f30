/** What those functions of the addon answer that look at the machine: native/inspect. */

/** What the lookers answer: flat arrays of rows, and texts that each end with a zero byte. */
export interface Looked {
  readonly error: number;
  /** The system call that failed. */
  readonly step: string;
}
export interface NamespaceScan extends Looked {
  /** Processes that may not be looked into, or not as a whole. */
  readonly unreadable: number;
  /**
   * Of ten: type, inode, owner, the owner's uid, parent, id as a network, processes, and of the first
   * of these pid, parent's pid and uid. Inodes that there are not are 0, ids and uids -1.
   */
  readonly rows: Float64Array;
  readonly ids: BigUint64Array;
  /** Of two: the row, and the mount namespace. */
  readonly mounts: Float64Array;
  /** Of four: the row, how (0 fd, 1 socket, 2 thread, 3 children), the pid, and the number of it. */
  readonly holders: Float64Array;
  /** Of each row the command, then of each mount the path. */
  readonly texts: string;
}
export interface ProcessScan extends Looked {
  readonly unreadable: number;
  /** Of twelve: pid, parent's pid, uid, start in milliseconds since 1970, namespaces by name. */
  readonly rows: Float64Array;
  /** Of three: command, pids in all pid namespaces, cgroup. */
  readonly texts: string;
}
/** Of each pid one of each name. */
export interface ProcessTexts extends Looked {
  readonly errors: Int32Array;
  readonly texts: string;
}
export interface OwnerScan extends Looked {
  readonly unreadable: number;
  /** Of three: inode of the socket, pid, fd. */
  readonly rows: Float64Array;
}
export interface Names extends Looked {
  readonly texts: string;
}
export interface StatesRead extends Looked {
  /** For each path what was read; undefined where nothing could be. */
  readonly texts: readonly (string | undefined)[];
  /** Of which path, and of what below it; not of what is not there. */
  readonly failed: readonly (readonly [at: number, errno: number, step: string, below: string])[];
}
export interface NetlinkAnswer extends Looked {
  /** For each message the messages of the kernel, as they are. */
  readonly answers: readonly Uint8Array[];
}
