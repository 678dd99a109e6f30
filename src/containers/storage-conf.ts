/**
 * storage.conf of containers/storage, containers-storage.conf(5): where Podman and CRI-O keep what they have.
 * Its paths have variables in them: `$HOME`, `$UID`, `$USER`.
 */
import { at, pathAt, text, wholePath } from './fields.ts';
import type { Reader } from './reader.ts';

export interface StorageConf {
  readonly path: string;
  /** undefined where there is no such file. */
  readonly settings: unknown;
}

/** What is known of an engine's environment. Where that is all of it, a variable that is not set is empty. */
export interface Variables {
  readonly values: Readonly<Record<string, string | undefined>>;
  readonly areAll: boolean;
}

const names = ['graphroot', 'runroot', 'rootless_storage_path'];

export async function storageConf(reader: Reader, path: string): Promise<StorageConf> {
  return { path, settings: await reader.toml(path, ...names) };
}

/** The file that counts in the place of all others for who has this variable. */
export function ownStorageConf(): string | undefined {
  return pathAt(process.env, 'CONTAINERS_STORAGE_CONF');
}

/** The machine's: of the first of its files that is there. */
export async function systemStorageConf(reader: Reader): Promise<StorageConf> {
  const paths = ['/etc/containers/storage.conf', '/usr/share/containers/storage.conf'];
  const all = await Promise.all(
    paths.map(async path => storageConf(reader, await reader.locate(path))),
  );
  return (all.find(({ settings }) => settings !== undefined) ?? all[0]) as StorageConf;
}

/**
 * A path in there, as the engine expands it; undefined where it is no absolute path then. A variable whose
 * value is not known is a problem, since what is in that directory is not found.
 */
export function storagePath(
  { path, settings }: StorageConf,
  name: string,
  { values, areAll }: Variables,
  reader: Reader,
): string | undefined {
  const unknown: string[] = [];
  const whole = text(at(settings, 'storage', name))?.replace(
    /\$(?:\{(\w+)\}|(\w+))/g,
    (variable, braced, plain) => {
      const value = text(at(values, braced ?? plain));
      if (value === undefined && !areAll) unknown.push(variable);
      return value ?? '';
    },
  );
  if (unknown.length > 0) {
    reader.problem(path, `${name} has ${unknown[0]} in it, which is not known here`);
    return undefined;
  }
  return wholePath(whole);
}
