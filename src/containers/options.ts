/** Checks what a caller gives. */
import { checkPath, namesOf, optionsIn } from '../base/check.ts';
import { invalidType } from '../base/errors.ts';
import { own } from '../base/own-properties.ts';
import type { ContainerOptions, Directories } from './container.ts';
import { directoryNames } from './directory-names.ts';

const names = namesOf<ContainerOptions>({
  root: true,
  directories: true,
  timeout: true,
  grpc: true,
});

export interface CheckedOptions extends ContainerOptions {
  readonly timeout: number;
  readonly grpc: boolean;
}

export function checkOptions(options: ContainerOptions): CheckedOptions {
  const { root, directories, timeout = 2000, grpc = false } = optionsIn(options, names);
  if (typeof grpc !== 'boolean') throw invalidType('options.grpc', 'a boolean', grpc);
  if (root !== undefined) checkPath('options.root', root);
  if (typeof timeout !== 'number' || !(timeout >= 0 && timeout <= 2 ** 31 - 1)) {
    throw invalidType('options.timeout', 'a number of milliseconds', timeout);
  }
  if (directories === undefined) return { root, timeout, grpc };
  return { root, directories: directoriesIn(directories), timeout, grpc };
}

/** Of each engine those that were given. */
function directoriesIn(given: Directories): Directories {
  const directories = optionsIn(given, Object.keys(directoryNames), 'options.directories');
  const pairs = Object.entries(directories).map(([engine, paths]) => {
    if (paths === undefined) return [engine, paths];
    const name = `options.directories.${engine}`;
    const all = optionsIn(paths, directoryNames[engine as keyof Directories], name);
    for (const [option, path] of Object.entries(all)) {
      if (path !== undefined) checkPath(`${name}.${option}`, path);
    }
    return [engine, all];
  });
  return own(Object.fromEntries(pairs));
}
