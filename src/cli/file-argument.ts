/** Files as people write them: `PID:/path` or `NAME:/path` in a container, `path` here. */
import type { ContainerOptions } from '../containers/container.ts';
import type { ContainerRoot } from '../root/container-root.ts';
import { openRoot } from '../root/open-root.ts';
import { type Arguments, type Options, UsageError } from './arguments.ts';
import { bytesOfWords } from './raw-words.ts';
import { NotRunning, targetOf } from './target-argument.ts';

export interface FileArgument {
  /** undefined: here. */
  readonly container: string | undefined;
  readonly path: Buffer;
}

/** `NAME:/path`; the first colon of a name may be that of `docker://ID`. */
const fileInside = /^((?:\d+:)?[a-z-]+:\/\/[^/:]+|[^./].*?):(\/.*)$/s;

/**
 * The words of the line that are no options. A path of ours that has ":/" in it is written with "./" or
 * "/" in front.
 */
export function fileArguments({
  rest,
  after,
}: Pick<Arguments<Options>, 'rest' | 'after'>): FileArgument[] {
  return bytesOfWords(rest, after).map(word => {
    const [, container, path] = fileInside.exec(word.toString('latin1')) ?? [];
    if (container === undefined || path === undefined) return { container: undefined, path: word };
    const name = Buffer.from(container, 'latin1').toString();
    return { container: name, path: Buffer.from(path, 'latin1') };
  });
}

/** Runs `work` on the files of a container. */
export async function inRoot<T>(
  { container, path }: FileArgument,
  where: ContainerOptions,
  work: (root: ContainerRoot) => Promise<T>,
): Promise<T> {
  if (container === undefined) {
    throw new UsageError(
      relativeInside(path) ?? `in which container? NAME:/path or PID:/path, not ${path}`,
    );
  }
  const root = openRoot(await targetOf(container, where).catch(refuse));
  try {
    return await work(root);
  } finally {
    root.close();
  }
}

/** The files of a container that does not run are where its engine has them. */
function refuse(error: Error): never {
  const isTheirs = error instanceof NotRunning && ['docker', 'podman'].includes(error.engine);
  if (!isTheirs) throw error;
  throw Object.assign(error, {
    message: `${error.message}: its files are reached by ${error.engine} cp`,
  });
}

/** What is wrong with `web:etc/motd`: nothing says from where such a path would be. */
export function relativeInside(path: Buffer): string | undefined {
  const [, name, rest] = /^([^./][^:]*):(.*)$/s.exec(path.toString()) ?? [];
  return name === undefined ? undefined : `paths inside are absolute: ${name}:/${rest}`;
}
