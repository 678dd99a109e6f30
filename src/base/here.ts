/**
 * Where the code that runs is, and what loads files from there. Of a module of CommonJS both are at hand, so
 * rolldown.config.mjs gives the command those: the module of Node that makes them costs it half a millisecond.
 */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Of a bundle of CommonJS there may be no URL: binding.ts refuses that in words. */
export const folder: string = dirname(fileURLToPath(import.meta.url ?? 'file:///none'));

let own: NodeJS.Require | undefined;
/** Made by its first use, as that takes half a millisecond. */
export function load(id: string): ReturnType<NodeJS.Require> {
  own ??= createRequire(import.meta.url);
  return own(id);
}
