/** The public names. */
export { currentNamespaces, outside, withNamespaces } from './callback/run.ts';
export type { Capability } from './child/capabilities.ts';
export { exec, execFile, fork, spawn } from './child/index.ts';
export type {
  ChildPlace,
  Environment,
  ExecFileOptions,
  ExecOptions,
  ForkOptions,
  SpawnOptions,
} from './child/options.ts';
export type {
  Container,
  ContainerNamespaces,
  ContainerOptions,
  ContainerState,
  Containers,
  Directories,
  Engine,
  KnownAs,
  Pod,
} from './containers/container.ts';
export { findContainer, listContainers } from './containers/index.ts';
export { type CreateNamespacesOptions, createNamespaces } from './create/create.ts';
export type { IdMap, IdRange, IdRule, IdRules } from './create/id-maps.ts';
export { type Networks, networks } from './create/index.ts';
export type { CreateOptions } from './create/options.ts';
export { unbindNamespace } from './create/persist.ts';
export { NamespaceError } from './errors.ts';
export type { ContainerChoice } from './inspect/containers.ts';
export {
  listInterfaces,
  listNamespaces,
  listSockets,
  namespacesOf,
  processTree,
  sameNamespaces,
} from './inspect/index.ts';
export type {
  InterfaceAddress,
  InterfaceInfo,
  ReceiveCounters,
  TransmitCounters,
} from './inspect/interfaces.ts';
export type {
  ListOptions,
  NamespaceHolder,
  NamespaceInfo,
  NamespaceList,
  NamespaceMount,
} from './inspect/list.ts';
export type { NamespaceIdentity, PlacedIdentity } from './inspect/process.ts';
export type {
  InternetSocket,
  SocketInfo,
  SocketOptions,
  SocketProcess,
  SocketState,
  UnixSocket,
} from './inspect/sockets.ts';
export type { ProcessNode } from './inspect/tree.ts';
export { Namespaces, openNamespaces } from './namespaces.ts';
export {
  type Abortable,
  type ContainerRoot,
  type CopyOptions,
  type InsidePath,
  type MkdirOptions,
  type NameOptions,
  type OpenOptions,
  openRoot,
  type ReaddirOptions,
  type ReadFileOptions,
  type RmOptions,
  type StatOptions,
  type WriteFileOptions,
} from './root/index.ts';
export type { Paths, Target } from './target.ts';
export type { NamespaceType, Types } from './types.ts';
export type { WorkerError } from './worker/death.ts';
export { evaluate, openWorker } from './worker/index.ts';
export type { ResourceLimits, Sandbox, WorkerOptions, WorkerTarget } from './worker/options.ts';
export type { NamespaceWorker } from './worker/worker.ts';
