/**
 * A part of this library that only asynchronous functions need: a file of its own beside the rest, loaded
 * by its first use. An ES module, as Jest and vitest load others into another context than the library.
 */
import { AsyncResource } from 'node:async_hooks';

/** Node keeps a module with the promises by which it came: those of a callback would keep it alive for good. */
const outside = new AsyncResource('LINUX_NAMESPACES_IMPORT');

/**
 * What the module has, from its first call on. `load` imports it; `file` is where it is beside the library. By that it is asked
 * for where it could not be had, for want of file descriptors say: Node 20 and 22.13 fail for ever for a name
 * for which they have failed once.
 */
export function lazyModule<Module>(
  load: () => Promise<Module>,
  file: string,
): () => Promise<Module> {
  let loaded: Module | undefined;
  let failures = 0;
  const loadAgain = (): Promise<Module> => {
    const name = `${file}?${failures}`;
    return import(/* webpackIgnore: true */ /* @vite-ignore */ name);
  };
  return async () => {
    if (loaded !== undefined) return loaded;
    try {
      const module = await outside.runInAsyncScope(failures === 0 ? load : loadAgain);
      loaded ??= module;
      return loaded;
    } catch (error) {
      failures++;
      throw error;
    }
  };
}
