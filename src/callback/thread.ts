/**
 * Where this thread is: the namespaces it was found in (outside), those it is in now, and the moves
 * between them. A move that fails where no exception could stop what comes next ends the process.
 */
import { joiningMissing } from '../base/advice.ts';
import { binding } from '../base/binding.ts';
import { errnos } from '../base/errnos.ts';
import { failure, type NamespaceError } from '../base/errors.ts';
import { type Kind, kindOf, type NamespaceType, threadKinds } from '../base/namespace-types.ts';
import { filterAdvice } from '../base/own-rights.ts';
import { type Fds, openEach } from '../target/fds.ts';
import { openThread } from '../target/process.ts';

/** An fd for each of `threadKinds`, in that order; -1 for a type that this kernel does not have. */
export type Location = readonly number[];

interface Outside {
  readonly location: Location;
  /** What keeps the fds of `location` open. */
  readonly sources: readonly Fds[];
}

export let outside: Outside = { location: [], sources: [] };
/** The fd by which the thread entered the namespace of each type; empty while nothing is on. */
let here: number[] = [];

/**
 * The types that this thread could leave but not come back to, and the kernel's reason: in a user
 * namespace, the namespaces that it did not make are not its own. Once there is none, none appears.
 */
let noReturn: ReadonlyMap<NamespaceType, number> | undefined;

/** Looks where the thread is and takes that for outside. */
export function openOutside(): void {
  const fds = openThread(threadKinds.map(kind => kind.name));
  outside = { location: fds.location, sources: [fds] };
  here = [...outside.location];
  const untold = tellOutside();
  if (untold < 0) {
    closeOutside();
    throw failure(untold, 'fstat');
  }
  if (noReturn?.size === 0) return;
  const refused = threadKinds
    .map((kind, i) => [kind.name, binding.setns(outside.location[i] as number, kind.flag)] as const)
    .filter(([, errno]) => errno < 0);
  noReturn = new Map(refused);
}

/** Others, on threads of their own, are to see this process where it lives. */
function tellOutside(): number {
  return binding.leaveOutside(
    ...outside.location.flatMap((fd, i) => [(threadKinds[i] as Kind).flag, fd]),
  );
}

export function closeOutside(): void {
  binding.comeBack();
  for (const source of outside.sources) source.release();
  outside = { location: [], sources: [] };
  here = [];
}

/** While callbacks are alive: throws if there would be no way back from a namespace of `types`. */
export function checkWayBack(types: readonly NamespaceType[]): void {
  if (noReturn === undefined || noReturn.size === 0 || here.length === 0) return;
  for (const type of types) {
    const errno = noReturn.get(type);
    if (errno === undefined) continue;
    const advice = `this thread could not come back: ${filterAdvice(errno, 'setns', false) ?? joiningMissing(`our own ${type} namespace`, ', or use spawn() or evaluate()')}`;
    throw failure(errno, 'setns', { type, advice });
  }
}

/** The type of which a thread did not move, and why. */
interface FailedMove {
  readonly kind: Kind;
  readonly errno: number;
}

const slots = new Array(64).fill(0);

/**
 * Throws a RangeError where the stack has less room than a move back may need: V8 may have compiled that anew since
 * the move there, and then it takes some hundred bytes more. So many arguments take half a kilobyte, however this is
 * compiled.
 */
export function needRoom(): void {
  Reflect.apply(nothing, undefined, slots);
}

function nothing(): void {}

/** Is the thread there, as far as we have moved it? */
export function isAt(location: Location): boolean {
  return here.length === 0 || location.every((fd, i) => fd < 0 || fd === here[i]);
}

/** Moves the thread, type by type. Stops at the first that fails, and says which and why. */
export function move(to: Location): FailedMove | undefined {
  for (let i = 0; i < to.length; i++) {
    const fd = to[i] as number;
    if (fd === here[i] || fd < 0) continue;
    const kind = threadKinds[i] as Kind;
    const errno = binding.setns(fd, kind.flag);
    if (errno < 0) return { kind, errno };
    here[i] = fd;
  }
  return undefined;
}

export function moveOrDie(to: Location): void {
  const failed = move(to);
  if (failed === undefined) return;
  const { message } = failure(failed.errno, 'setns', { type: failed.kind.name });
  const way = to === outside.location ? 'on the way back outside' : 'on the way into a callback';
  die(`${message}, ${way}`);
}

export function die(reason: string): never {
  return binding.die(
    `linux-namespaces: ${reason}. This process ends here: going on, it would run in the wrong namespace.`,
  );
}

/** After a move that failed: the thread is back at `from`, and this is what to throw. */
export function comeBack(from: Location, { kind, errno }: FailedMove): NamespaceError {
  moveOrDie(from);
  const advice =
    errno === errnos.EPERM
      ? joiningMissing(
          'this namespace',
          ', or as its owner use spawn() or evaluate() with the user namespace too',
        )
      : undefined;
  return failure(errno, 'setns', { type: kind.name, advice });
}

/**
 * Opens namespaces of the process of a pidfd, while callbacks are alive: the thread goes there and is back. undefined
 * where it cannot, or would not come back.
 */
export function openInside(pidfd: number, types: readonly NamespaceType[]): Fds | undefined {
  const ways: number[] = [];
  for (const type of types) {
    const back = here[threadKinds.indexOf(kindOf[type])] ?? -1;
    if (back < 0 || noReturn?.has(type) !== false) return undefined;
    ways.push(kindOf[type].flag, back);
  }
  const fds = binding.openInside(pidfd, ...ways);
  return typeof fds === 'number'
    ? undefined
    : openEach(types, type => fds[types.indexOf(type)] as number);
}

/**
 * After a raw system call that moved the thread: where it is now, in those of `types` that a thread can
 * be in; undefined if there is nothing to keep track of. Throws, with the thread back at `from`, if it
 * cannot be told.
 */
export function locate(types: readonly NamespaceType[], from: Location): Fds | undefined {
  if (here.length === 0) return undefined; // openOutside will see it
  const kinds = threadKinds.filter(kind => types.includes(kind.name));
  if (kinds.length === 0) return undefined;
  try {
    return openThread(kinds.map(kind => kind.name));
  } catch (error) {
    here = here.map((fd, i) => (kinds.includes(threadKinds[i] as Kind) ? -1 : fd));
    moveOrDie(from);
    throw error;
  }
}

/** What `locate` found is where the thread is, as part of `location`. */
export function arrived(location: Location): void {
  here = [...location];
}

/** Outside is `fds` now, and in the other types where it was. Contexts keep open what they need. */
export function setOutside(fds: Fds): void {
  const location = fds.location.map((fd, i) => (fd < 0 ? (outside.location[i] as number) : fd));
  for (const source of outside.sources) if (!holds(source, location)) source.release();
  outside = {
    location,
    sources: [fds, ...outside.sources.filter(source => holds(source, location))],
  };
  // What cannot be told is not told wrong: they see what /proc says.
  if (tellOutside() < 0) binding.comeBack();
}

/** Is it by an fd of these that a thread gets to `location`? */
export function holds(fds: Fds, location: Location): boolean {
  return fds.location.some((fd, i) => fd >= 0 && fd === location[i]);
}
