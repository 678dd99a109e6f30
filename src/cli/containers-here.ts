/** The containers of the machine as subcommands list them: by name. */
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
