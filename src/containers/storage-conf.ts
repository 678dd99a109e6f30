/**
 * storage.conf of containers/storage, containers-storage.conf(5): where Podman and CRI-O keep what they have.
 * Its paths of users have variables in them: `$HOME`, `$UID`, `$USER`.
 */
import { at, text } from './fields.ts';
import type { Reader } from './reader.ts';

const names = ['graphroot', 'runroot', 'rootless_storage_path'];

/** undefined where there is no such file. */
export function storageConf(reader: Reader, path: string): Promise<unknown> {
  return reader.toml(path, ...names);
}

/** The machine's: of the first of its files that is there. */
export async function systemStorageConf(reader: Reader): Promise<unknown> {
  const paths = ['/etc/containers/storage.conf', '/usr/share/containers/storage.conf'];
  const all = paths.map(async path => storageConf(reader, await reader.locate(path)));
  return (await Promise.all(all)).find(settings => settings !== undefined);
}

/** As the engine expands it for a user; undefined where it is no absolute path then, or has another variable. */
export function expanded(
  path: unknown,
  variables: Readonly<Record<string, string | undefined>>,
): string | undefined {
  let isKnown = true;
  const whole = text(path)?.replace(/\$(?:\{(\w+)\}|(\w+))/g, (_, braced, plain) => {
    const value = text(at(variables, braced ?? plain));
    isKnown &&= value !== undefined;
    return value ?? '';
  });
  return isKnown && whole?.startsWith('/') ? whole : undefined;
}
