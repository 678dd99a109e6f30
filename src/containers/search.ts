/** From the name that somebody gives to the one container that it means. */
import { errnos } from '../base/errnos.ts';
import { failure, type NamespaceError } from '../base/errors.ts';
import { isOwn } from '../base/own-rights.ts';
import type { Container } from './container.ts';
import { nameOf } from './container-names.ts';
import { matches, type Wanted, wantedOf } from './names.ts';
import type { CheckedOptions } from './options.ts';
import { type Entries, join } from './sighting.ts';
import { type Survey, survey } from './survey.ts';

export { survey };

export async function search(nameOrId: string, options: CheckedOptions): Promise<Container> {
  // Other users' are not looked at where the name is that of one of ours: they take time, and may do so on purpose.
  const ours = await survey(options, 'ours');
  const found = await meant(ours, ours.entries.filter(isOurs), wantedOf(nameOrId));
  if (found.length > 0) return one(nameOrId, found);
  const all = both(ours, await survey(options, 'others', ours));
  const theirs = await meantOfUser(all, nameOrId);
  if (theirs.length > 0) return one(nameOrId, theirs);
  throw await unknown(nameOrId, all);
}

/** Theirs first: what Docker's client would ask may be one of them, of which the files say more. */
function both(ours: Survey, others: Survey): Survey {
  return { ...ours, entries: join([...others.entries.flat(), ...ours.entries.flat()]) };
}

function one(name: string, found: readonly Container[]): Container {
  if (found.length > 1) throw ambiguous(name, found);
  return found[0] as Container;
}

/** Of an engine of root's, or of who asks. */
function isOurs([{ owner }]: Entries): boolean {
  return isOwn(owner);
}

async function meant(all: Survey, some: readonly Entries[], wanted: Wanted): Promise<Container[]> {
  for await (const entries of matches(some, wanted)) {
    const containers = entries.length === 0 ? [] : await all.finish(entries);
    const found = containers.filter(container => isOf(container, wanted.engine));
    if (found.length > 0) return found.filter(one => !found.some(other => isNext(one, other)));
  }
  return [];
}

function isOf({ knownAs }: Container, engine: Wanted['engine']): boolean {
  return engine === undefined || knownAs.some(known => known.engine === engine);
}

/** Of a container that kubelet has started again, what is left of the one before keeps the name, too. */
function isNext(one: Container, other: Container): boolean {
  const isOfPod = one.pod?.uid !== undefined && one.pod.uid === other.pod?.uid;
  if (
    !isOfPod ||
    nameOf(one) !== nameOf(other) ||
    one.owner !== other.owner ||
    one.state !== 'exited'
  )
    return false;
  return other.state !== 'exited' || (one.created ?? 0) < (other.created ?? 0);
}

/** `uid:name` */
async function meantOfUser(all: Survey, name: string): Promise<Container[]> {
  const [, uid, rest] = /^(\d+):(.+)$/s.exec(name) ?? [];
  if (rest === undefined) return [];
  const theirs = all.entries.filter(([{ owner }]) => owner === Number(uid));
  return meant(all, theirs, wantedOf(rest));
}

/** A name that means this container and no other, as far as it has one. */
function exactName(container: Container): string {
  const name = `${container.engine}:${nameOf(container)}`;
  return isOwn(container.owner) ? name : `${container.owner}:${name}`;
}

function ambiguous(name: string, found: readonly Container[]): NamespaceError {
  // In two of containerd's namespaces, or in two directories of a runtime's, also ids may be the same.
  const list = found.map(container => {
    const { id, state, pid } = container;
    const more = [id.slice(0, 12), state, ...(pid === undefined ? [] : [`pid ${pid}`])];
    return `${exactName(container)} (${more.join(', ')})`;
  });
  const advice = `it is one of ${list.join(', ')}; give more of the name, the id, or the pid`;
  return failure(errnos.ENOTUNIQ, 'findContainer', { target: name, advice });
}

async function unknown(name: string, all: Survey): Promise<NamespaceError> {
  const theirs = all.entries.filter(entries => !isOurs(entries));
  const [first] = await meant(all, theirs, wantedOf(name));
  await all.finish(all.entries); // for what cannot be read of any
  const problems = [...new Set(all.problems.map(({ message }) => message))];
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  const unread =
    problems[0] === undefined
      ? `no engine has such a container; state was looked for in ${all.places().join(', ')}: options.root and options.directories say where else, and a pid needs no name`
      : `not all could be read: ${problems[0]}${more}`;
  const advice =
    first === undefined
      ? unread
      : `a user has one: ${exactName(first)}, if it is that which is meant`;
  return failure(errnos.ENOENT, 'findContainer', { target: name, advice });
}
