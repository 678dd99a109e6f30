/** What is said of a name that no container has: what was meant, or why that cannot be told. */
import { existsSync } from 'node:fs';
import type { NamespaceError } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import { isOwn } from '../base/own-rights.ts';
import type { Container, ContainerOptions } from '../containers/container.ts';
import { namesOf } from '../containers/container-names.ts';
import { digitsLeast } from '../containers/names.ts';
import { containersHere } from './containers-here.ts';
import { lookupNames } from './lookup.ts';
import { inWordsOf } from './option-words.ts';
import { reasonIn } from './unseen.ts';

/** `error`: of findContainer, which says where was looked. */
export async function unknownContainer(
  name: string,
  where: ContainerOptions,
  { advice = '' }: NamespaceError,
): Promise<string> {
  if (name.includes('/') && existsSync(name)) {
    return `no container ${name}; for a file of a namespace: enter --net=${name}`;
  }
  const all = await containersHere(where);
  const { problems } = all;
  const near = nearIn(all, name);
  const meant = near === undefined ? '' : `; did you mean ${near}?`;
  const [first, ...others] = problems;
  if (first !== undefined) {
    const more = others.length > 0 ? ` (and ${others.length} more)` : '';
    const reason = reasonIn({ problems }) ?? `${first.message}${more}`;
    return near === undefined
      ? `cannot tell which container ${name} is: ${reason}`
      : `no container ${name} is seen${meant} (${reason})`;
  }
  if (all.length === 0) {
    const where = inWordsOf(lookupNames, advice).replace(/^no engine has such a container; /, '');
    return `no container ${name}, nor any other: ${where}`;
  }
  const [byId] = all.filter(one => one.id.startsWith(name) && isOwn(one.owner));
  if (byId !== undefined) {
    const id = byId.id.slice(0, 12);
    return `no container ${name}: of an id ${digitsLeast} digits are needed at least, as in ${id}`;
  }
  return `no container ${name}${meant} (ps -a lists all)`;
}

/** As it can be named: of another user's engine with the uid before it. */
function nearIn(all: readonly Container[], name: string): string | undefined {
  const spelled = new Map<string, string>();
  for (const container of all) {
    const before = isOwn(container.owner) ? '' : `${container.owner}:`;
    for (const one of namesOf(container)) {
      if (before === '' || !spelled.has(one)) spelled.set(one, `${before}${one}`);
    }
  }
  return spelled.get(nearest(name, [...spelled.keys()]) ?? '');
}
