/** Which shell a container has. */
import type { ContainerRoot } from '../root/container-root.ts';
import type { ContainerUser } from './container-user.ts';

const usual = ['/bin/bash', '/bin/sh', '/bin/ash'];

/** The first that is there: that of the user, or one of those that are usual. */
export async function shellIn(
  root: ContainerRoot,
  name: string,
  user: ContainerUser | undefined,
): Promise<string> {
  const shell = user?.shell ?? '';
  const own = shell.startsWith('/') && !/\/(nologin|false|sync)$/.test(shell) ? [shell] : [];
  for (const path of [...own, ...usual]) {
    const file = await root.stat(path).catch(() => undefined);
    if (file?.isFile() && (Number(file.mode) & 0o111) !== 0) return path;
  }
  throw new Error(`there is no shell in ${name}: linux-namespaces debug ${name} brings one`);
}
