/** LAUNCH_* of native/launcher/launch.h, the bits of its `flags`; test/unit/native-tables.test.ts compares them. */
export const launchFlags = {
  setsid: 1,
  foreign: 2,
  forkJoined: 4,
  forkCreated: 8,
  groups: 16,
  groupsTry: 32,
  gid: 64,
  uid: 128,
  rootInside: 256,
  capabilities: 512,
  capabilitiesAtMost: 1024,
  noNewPrivs: 2048,
  umask: 4096,
  dieWithParent: 8192,
  /** Of a worker. */
  noDebugger: 16384,
  newKeyring: 32768,
  /** Set by native/child/execute.cc. */
  inPlace: 65536,
  forward: 131072,
  hasTerminal: 262144,
  /** Set by native/child/keep_modes.cc. */
  keepModes: 524288,
  signalAsCode: 1048576,
} as const;
