/** Places of files as people write them: `PID:/path` or `NAME:/path` in a container, `path` here. */
import { type ContainerRoot, openRoot } from '../root/container-root.ts';
import { UsageError } from './arguments.ts';
import { targetOf } from './target.ts';

export interface Place {
  /** undefined: here. */
  readonly container: string | undefined;
  readonly path: string;
}

/** A path of ours that has ":/" in it is written with "./" or "/" in front. */
export function placeOf(text: string): Place {
  const [, container, path] = /^([^./].*?):(\/.*)$/s.exec(text) ?? [];
  return { container, path: path ?? text };
}

/** Runs `work` on the files of a container. */
export async function inRoot<T>(
  { container }: Place,
  work: (root: ContainerRoot) => Promise<T>,
): Promise<T> {
  if (container === undefined) throw new UsageError('in which container? NAME:/path, PID:/path');
  const root = openRoot(await targetOf(container));
  try {
    return await work(root);
  } finally {
    root.close();
  }
}
