/**
 * Parts of the package that only some calls need, each in a file of its own in lib together with the
 * packages that it is made of (rolldown.config.mjs): loaded by its first use, never by an import.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { packageRoot } from './binding.ts';

interface Chunks {
  'free-names': typeof import('../worker/free-names.ts');
  tar: typeof import('../root/tar.ts');
}

const load = createRequire(import.meta.url);

export function chunk<N extends keyof Chunks>(name: N): Chunks[N] {
  return load(join(packageRoot, 'lib', `${name}.cjs`)) as Chunks[N];
}
