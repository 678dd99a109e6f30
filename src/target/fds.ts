/**
 * Owns file descriptors of namespaces: counts who still needs them, and closes them once, after the
 * last. A handle holds them until it is closed, a context for as long as anything runs in it.
 */
import { binding } from '../base/binding.ts';
import { type NamespaceType, threadKinds } from '../base/namespace-types.ts';

const weight = 1 << 18;

export class Fds {
  #users = 1;
  #weight = 0;
  readonly #fds: ReadonlyMap<NamespaceType, number>;
  readonly #init: number;
  readonly types: readonly NamespaceType[];
  /** An fd for each of `threadKinds`, in that order; -1 for a type that is not among these. */
  readonly location: readonly number[];

  /** `init`: an fd that keeps the first process of the pid namespace alive; -1: none of ours does. */
  constructor(fds: ReadonlyMap<NamespaceType, number>, init = -1) {
    this.#fds = fds;
    this.#init = init;
    this.types = [...fds.keys()];
    this.location = threadKinds.map(kind => fds.get(kind.name) ?? -1);
  }

  get(type: NamespaceType): number | undefined {
    return this.#fds.get(type);
  }

  /** By type: the numbers by which /proc and lsns know them. */
  inodes(): Partial<Record<NamespaceType, number>> {
    const pairs = [...this.#fds].map(([type, fd]) => {
      const found = binding.getInode(fd);
      return [type, typeof found === 'number' ? undefined : found[0]];
    });
    return Object.fromEntries(pairs);
  }

  get isOpen(): boolean {
    return this.#users > 0;
  }

  retain(): this {
    this.#users++;
    return this;
  }

  /**
   * What lives until V8 collects what was made in there weighs, for V8, as much as the kernel has for a network:
   * otherwise it would see no reason to.
   */
  weigh(): void {
    this.#weight = weight;
    binding.weigh(weight);
  }

  release(): void {
    if (--this.#users > 0) return;
    if (this.#weight > 0) binding.weigh(-this.#weight);
    for (const fd of this.#fds.values()) binding.close(fd);
    if (this.#init >= 0) binding.close(this.#init);
  }
}

/** Opens a set of fds with `open`, one for each type; what was opened before a failure is closed. */
export function openEach(
  types: readonly NamespaceType[],
  open: (type: NamespaceType) => number,
): Fds {
  const fds = new Map<NamespaceType, number>();
  try {
    for (const type of types) fds.set(type, open(type));
  } catch (error) {
    for (const fd of fds.values()) binding.close(fd);
    throw error;
  }
  return new Fds(fds);
}
