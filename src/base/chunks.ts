/**
 * Parts of the package that only some calls need, each in a file of its own in lib together with the
 * packages that it is made of (rolldown.config.mjs): loaded by its first use, never by an import.
 */
import { join } from 'node:path';
import { packageRoot } from './binding.ts';
import { load } from './here.ts';

type Name = 'free-names' | 'grpc' | 'progress' | 'tar' | 'toml' | 'width';

/** `Module`: what the source of that chunk exports. */
export function chunk<Module>(name: Name): Module {
  return load(join(packageRoot(), 'lib', `${name}.cjs`)) as Module;
}
