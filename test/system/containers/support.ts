/** What the tests of containers share: looking at one, and comparing it with what its engine says. */
import { readlinkSync, statSync } from 'node:fs';
import type { Container, Containers, NamespaceType } from 'linux-namespaces';
import { expect } from 'vitest';
import type { Machine } from '../../engines/index.ts';
import { types } from '../shared/support.ts';

/** The types in which a container is in another namespace than the machine that it is on. */
export function apart({ namespaces }: Container): NamespaceType[] {
  return types.filter(type => namespaces?.[type]?.host === false);
}

/** Every namespace of it, against /proc; and which are the machine's. */
export function expectNamespaces({ pid, namespaces }: Container, { pid: host }: Machine): void {
  for (const type of types) {
    const link = readlinkSync(`/proc/${pid}/ns/${type}`);
    expect(`${type}:[${namespaces?.[type]?.inode}]`).toBe(link);
    expect(namespaces?.[type]?.host, type).toBe(link === readlinkSync(`/proc/${host}/ns/${type}`));
  }
}

/** The only one of that name. */
export function named(containers: Containers, name: string): Container {
  const found = containers.filter(container => container.name === name);
  expect(found, name).toHaveLength(1);
  return found[0] as Container;
}

/** Go's times, to a thousandth of a second; the year 1 is none. */
export function time(text: string): number | undefined {
  const date = new Date(text);
  return date.getUTCFullYear() < 1970 ? undefined : date.getTime();
}

/** Which directory it is, in which file system. */
export function inodeOf(path: string | undefined): string {
  const { dev, ino } = statSync(`${path}/`);
  return `${dev}:${ino}`;
}
