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
export { type CreateNamespacesOptions, createNamespaces } from './create/create.ts';
export type { IdMap, IdRange, IdRule, IdRules } from './create/id-maps.ts';
export { type Networks, networks } from './create/index.ts';
export type { CreateOptions } from './create/options.ts';
export { unbindNamespace } from './create/persist.ts';
export { NamespaceError } from './errors.ts';
export { Namespaces, openNamespaces } from './namespaces.ts';
export type { Paths, Target } from './target.ts';
export type { NamespaceType, Types } from './types.ts';
