/** The public names. */
export { currentNamespaces, outside, withNamespaces } from './callback/run.ts';
export type { Capability } from './child/capabilities.ts';
export type {
  ChildPlace,
  Environment,
  ExecFileOptions,
  ExecOptions,
  ForkOptions,
  SpawnOptions,
} from './child/options.ts';
export { exec, execFile, fork, spawn } from './child/spawn.ts';
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
export { findContainer } from './containers/find.ts';
export { listContainers } from './containers/list.ts';
export { type CreateNamespacesOptions, createNamespaces } from './create/create.ts';
export type { IdMap, IdRange, IdRule, IdRules } from './create/id-maps.ts';
export { type Networks, networks } from './create/networks.ts';
export type { CreateOptions } from './create/options.ts';
export { unbindNamespace } from './create/persist.ts';
export { NamespaceError } from './errors.ts';
export type { ContainerChoice } from './inspect/containers.ts';
export {
  type InterfaceAddress,
  type InterfaceInfo,
  listInterfaces,
  type ReceiveCounters,
  type TransmitCounters,
} from './inspect/interfaces.ts';
export {
  type ListOptions,
  listNamespaces,
  type NamespaceHolder,
  type NamespaceInfo,
  type NamespaceList,
  type NamespaceMount,
} from './inspect/list.ts';
export {
  type NamespaceIdentity,
  namespacesOf,
  type PlacedIdentity,
  sameNamespaces,
} from './inspect/process.ts';
export {
  type InternetSocket,
  listSockets,
  type SocketInfo,
  type SocketOptions,
  type SocketProcess,
  type SocketState,
  type UnixSocket,
} from './inspect/sockets.ts';
export { type ProcessNode, processTree } from './inspect/tree.ts';
export { Namespaces, openNamespaces } from './namespaces.ts';
export type { ContainerRoot } from './root/container-root.ts';
export type { Archive } from './root/extract.ts';
export { openRoot } from './root/open-root.ts';
export type {
  Abortable,
  ArchiveOptions,
  ChangeOptions,
  CopyOptions,
  ExtractOptions,
  InsidePath,
  MkdirOptions,
  NameOptions,
  OpenOptions,
  ReaddirOptions,
  ReadFileOptions,
  RmOptions,
  StatOptions,
  WriteFileOptions,
} from './root/options.ts';
export type { Paths, Target } from './target.ts';
export type { NamespaceType, Types } from './types.ts';
export type { WorkerError } from './worker/death.ts';
export { evaluate, openWorker } from './worker/evaluate.ts';
export type { ResourceLimits, Sandbox, WorkerOptions, WorkerTarget } from './worker/options.ts';
export type { NamespaceWorker } from './worker/worker.ts';
