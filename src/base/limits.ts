/**
 * The bounds of what is read from processes, networks and engines, which may be anybody's: all of them
 * are in this table. docs/looking.md and docs/containers.md say what each means for the caller.
 */
/** Of one list: scanNamespaces, listProcesses, listSocketOwners. */
export const looking = {
  /** Bytes of one command line, or of one path of a cgroup. */
  text: 131_072,
  /** Bytes of all of these; each of those that come after has `textLeast`. */
  texts: 16_777_216,
  textLeast: 256,
  /** Bytes of all tables of mounts (/proc/PID/mountinfo). */
  mounts: 67_108_864,
  /** Bytes of one, where only that of its root is wanted. */
  firstMounts: 65_536,
  /** Open files that are looked at, of all processes together. */
  files: 8_388_608,
  /** Holders of namespaces, or owners of sockets, that are listed. */
  found: 1_048_576,
  /** Milliseconds that one process may keep a thread waiting; in all, 16 threads are left behind. */
  timeout: 2000,
  /** Those that are made at the same time: each may leave a thread behind before any other knows of the process. */
  lists: 4,
};

/** Of the dumps of one list from the kernel: all answers together. */
export const netlink = { bytes: 67_108_864, milliseconds: 10_000 };

/** As the addon takes them: native/inspect/limits.h has them in the same order. */
export function lookingLimits(changed: Partial<Limits> = {}): Float64Array {
  const { text, texts, textLeast, mounts, files, found, timeout, bytes, milliseconds } = {
    ...looking,
    ...netlink,
    ...changed,
  };
  const all = [text, texts, textLeast, mounts, files, found, timeout, bytes, milliseconds];
  return Float64Array.from(all);
}

type Limits = typeof looking & typeof netlink;

/** Of a process that is the target of a call. */
export const target = {
  /** Milliseconds that it may keep who looks at it waiting, each time: all else is answered at once. */
  wait: 1000,
  /** Bytes of a file of the kernel's of which a line is wanted: stat, a label. */
  file: 4096,
};

/** Of the state of engines. */
export const state = {
  /** Bytes of one file: some kilobytes mostly, and an environment may be long. */
  file: 2_097_152,
  /** Bytes of all files that are one user's. */
  ofUser: 67_108_864,
  /** Bytes of Podman's containers.json: half a kilobyte for each container. */
  containers: 8_388_608,
  /** Bytes of one file of settings. */
  settings: 65_536,
  /** Entries of one directory, with those of the directories in it that are read with it; rows of one list. */
  entries: 5_000,
  /** Levels of JSON that is longer than `harmless` bytes: parsing takes seconds where it is all depth. */
  depth: 100,
  harmless: 16_384,
  /** Links of the host's own directories, as the kernel has it. */
  links: 40,
  /** Files and directories that are open at the same time: one of each call. */
  open: 4,
  /** Those that one call reads. */
  atOnce: 64,
  /** Milliseconds for one file of a user's, which may be in a file system of that user's making. */
  timeout: 1000,
};

/** Of the sockets of engines; `timeout` is the caller's. */
export const sockets = {
  /** Bytes of one answer of an engine of root's, or of our own. */
  answer: 16_777_216,
  /** Bytes of one answer of a user's engine. */
  answerOfUser: 2_097_152,
  /** Bytes of one answer to a call of gRPC, as its clients have it. */
  answerOfGrpc: 16_777_216,
  /** Fields of it, with those of the messages in it: two bytes can be one. */
  fields: 500_000,
  /** Requests at the same time, to one socket. */
  requests: 8,
};
