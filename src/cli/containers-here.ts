/** The containers of the machine as subcommands list them: by name, with what could not be read in few lines. */
import type { NamespaceError } from '../base/errors.ts';
import { printable } from '../base/printable.ts';
import type { Container, ContainerOptions, Containers } from '../containers/container.ts';
import { nameOf } from '../containers/container-names.ts';
import { listContainers } from '../containers/list.ts';

/** In order of their names. */
export async function containersHere(where: ContainerOptions): Promise<Containers> {
  const found = await listContainers(where);
  return Object.assign(byName(found), { problems: found.problems });
}

function byName(containers: readonly Container[]): Container[] {
  const named = containers.map(container => ({ container, name: nameOf(container) }));
  const order = new Intl.Collator('en', { numeric: true }).compare;
  named.sort((a, b) => order(a.name, b.name) || (a.container.id < b.container.id ? -1 : 1));
  return named.map(({ container }) => container);
}

/**
 * Says why a list may lack something. With `isEmpty`, that is why there is nothing in it, or may be: then
 * it is no answer.
 */
export function sayUnseen(problems: readonly NamespaceError[], isEmpty: boolean): void {
  const denied = problems.filter(({ code }) => code === 'EACCES' || code === 'EPERM');
  for (const problem of problems) {
    if (!denied.includes(problem) || denied.length === 1) say(problem.message);
  }
  if (denied.length > 1) {
    const places = denied.map(({ target }) => target).join(', ');
    say(`not seen, for want of the right to read them: what is in ${places}`);
  }
  if (isEmpty && problems.length > 0) process.exitCode = 1;
}

function say(text: string): void {
  console.error(`linux-namespaces: ${printable(text)}`);
}
