/** The public names. */
/// <reference types="node" preserve="true" />

export { NamespaceError } from './base/errors.ts';
export type { NamespaceType, Types } from './base/namespace-types.ts';
export { currentNamespaces, outside, withNamespaces } from './callback/run.ts';
export type { Capability } from './child/capabilities.ts';
export type {
  ChildPlace,
  Credentials,
  Environment,
  ExecFileOptions,
  ExecOptions,
  ForkOptions,
  SpawnOptions,
} from './child/options.ts';
export type {
  ExecFileSyncOptions,
  ExecSyncOptions,
  SpawnSyncOptions,
} from './child/signatures-sync.ts';
export { exec, execFile, fork, spawn } from './child/spawn.ts';
export { execFileSync, execSync, spawnSync } from './child/sync.ts';
export type { Terminal } from './child/terminal.ts';
export type { TerminalOptions } from './child/terminal-options.ts';
export type {
  Container,
  ContainerNamespaces,
  ContainerOptions,
  ContainerState,
  Containers,
  Directories,
  Engine,
  KnownAs,
  Mount,
  Pod,
  Port,
} from './containers/container.ts';
export { findContainer } from './containers/find.ts';
export { listContainers } from './containers/list.ts';
export { unbindNamespace } from './create/bind.ts';
export { type CreateNamespacesOptions, createNamespaces } from './create/create.ts';
export type { IdMap, IdRange, IdRule, IdRules } from './create/id-maps.ts';
export { type Networks, networks } from './create/networks.ts';
export type { CreateOptions } from './create/options.ts';
export type { ContainerChoice } from './inspect/container-choice.ts';
export {
  type NamespaceIdentity,
  namespacesOf,
  type PlacedIdentity,
  sameNamespaces,
} from './inspect/identity.ts';
export {
  type InterfaceAddress,
  type InterfaceInfo,
  listInterfaces,
  type ReceiveCounters,
  type TransmitCounters,
} from './inspect/interfaces.ts';
export { type ListOptions, listNamespaces, type NamespaceList } from './inspect/list-namespaces.ts';
export type { NamespaceHolder, NamespaceInfo, NamespaceMount } from './inspect/namespace-rows.ts';
export { type ProcessNode, type ProcessTree, processTree } from './inspect/process-tree.ts';
export type {
  InternetSocket,
  SocketInfo,
  SocketList,
  SocketProcess,
  SocketState,
  UnixSocket,
} from './inspect/socket-types.ts';
export { listSockets, type SocketOptions } from './inspect/sockets.ts';
export { Namespaces } from './namespaces-methods.ts';
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
export { openNamespaces, type Paths, type Target } from './target/target.ts';
export { WorkerError } from './worker/errors.ts';
export { evaluate, openWorker } from './worker/evaluate.ts';
export type {
  EvaluateOptions,
  ResourceLimits,
  Sandbox,
  WorkerOptions,
  WorkerTarget,
} from './worker/options.ts';
export type { NamespaceWorker } from './worker/worker.ts';
