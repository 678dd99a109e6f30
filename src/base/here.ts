/**
 * Where the code that runs is, and what loads files from there. Of a module of CommonJS both are at hand, so
 * rolldown.config.mjs gives the command those: the module of Node that makes them costs it half a millisecond.
 */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

export const folder: string = dirname(fileURLToPath(import.meta.url));
export const load: NodeJS.Require = createRequire(import.meta.url);
