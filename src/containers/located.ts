/**
 * Where a path of the host is found below the root directory that it is reached by: its links are followed as
 * the host would follow them.
 */
import { readlink, readlinkSync } from 'node:fs';
import { posix } from 'node:path';
import { errnos } from '../base/errnos.ts';
import { state as limits } from '../base/limits.ts';

export async function locatedIn(root: string, path: string): Promise<string> {
  let done = '';
  const todo = path.split('/');
  for (let links = 0; todo.length > 0; ) {
    const name = todo.shift() as string;
    if (name === '' || name === '.') continue;
    if (name === '..') {
      done = posix.dirname(done).replace(/^[/.]$/, '');
      continue;
    }
    const link = await linkAt(`${root}${done}/${name}`);
    if (typeof link !== 'string' || ++links > limits.links) {
      done += `/${name}`;
      continue;
    }
    if (link.startsWith('/')) done = '';
    todo.unshift(...link.split('/'));
  }
  return root + done;
}

/** What a link has in it, or why it is none. The promises of node:fs take long to load. */
export function linkAt(path: string): Promise<string | number> {
  return new Promise(resolve => {
    readlink(path, (error, link) => resolve(error ? (error.errno ?? errnos.EINVAL) : link));
  });
}

/**
 * Is there anything of that name, or a link? There may be a user's own file system: of whether it is a link, unlike of
 * all else, the kernel does not ask that.
 */
export function isHere(path: string): boolean {
  try {
    readlinkSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EINVAL';
  }
}
