/**
 * Joins what is listed here with the containers that an engine knows.
 */

import { namesOf } from '../base/check.ts';
import { invalidType } from '../base/errors.ts';
import type { Container } from '../containers/container.ts';
import { listContainers } from '../containers/list.ts';
import { Members } from '../containers/membership.ts';

export interface ContainerChoice {
  /**
   * Whether to look which containers there are, and say what belongs to them; or those that are known
   * already, as from `listContainers({ root })`. Default: true. Only files are read for it, and no
   * engine is asked. Without: as if there were no containers.
   */
  containers?: boolean | readonly Container[] | undefined;
}

export const choiceNames: readonly string[] = namesOf<ContainerChoice>({ containers: true });

export function checkChoice({ containers }: ContainerChoice): void {
  if (containers === undefined || typeof containers === 'boolean') return;
  if (Array.isArray(containers) && [...containers].every(isContainer)) return;
  throw invalidType('options.containers', 'a boolean or an array of containers', containers);
}

export async function membersOf({ containers = true }: ContainerChoice): Promise<Members> {
  if (typeof containers !== 'boolean') return new Members(containers);
  if (!containers) return new Members([]);
  return new Members(await listContainers({ timeout: 0 }));
}

function isContainer(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
