/**
 * `Namespaces`: a handle that keeps namespaces open, whatever becomes of the process they were taken
 * from. What it can start (`run`, `spawn` and their kin) is added in src/namespaces-methods.ts.
 */
import { binding } from '../base/binding.ts';
import { errnos } from '../base/errnos.ts';
import { failure, invalidValue } from '../base/errors.ts';
import type { NamespaceType } from '../base/namespace-types.ts';
import { Fds } from './fds.ts';

/** For handles that were dropped without being closed. */
const dropped = new FinalizationRegistry<Fds>(fds => fds.release());

/**
 * Open namespaces, at most one of each type. They stay alive for as long as the handle is open, even
 * when no process is left in them. From `openNamespaces`, `createNamespaces`, `networks` or
 * `currentNamespaces`; it has to be closed.
 */
export class Namespaces {
  #fds: Fds | undefined;

  private constructor(fds: Fds) {
    if (!(fds instanceof Fds)) throw new TypeError('Illegal constructor');
    this.#fds = fds;
    dropped.register(this, fds, this);
  }

  /** @internal One use of `fds` is the handle's from now on. */
  static of(fds: Fds): Namespaces {
    return new Namespaces(fds);
  }

  /** @internal */
  get open(): boolean {
    return this.#fds !== undefined;
  }

  /** The types that this handle holds. */
  get types(): readonly NamespaceType[] {
    return this.fds().types;
  }

  /**
   * The file descriptor that holds the namespace of this type. It stays the handle's own: it is
   * closed with it, and must not be closed by anybody else.
   */
  fd(type: NamespaceType): number {
    const fd = this.fds().get(type);
    if (fd !== undefined) return fd;
    throw invalidValue('type', `one of ${this.fds().types.join(', ') || 'none'}`, type);
  }

  /** The number by which /proc and lsns know the namespace; the kernel may give it again later. */
  inode(type: NamespaceType): number {
    const inode = binding.getInode(this.fd(type));
    if (typeof inode === 'number') throw failure(inode, 'statx', { type });
    return inode[0];
  }

  /** The kernel's 64-bit id of the namespace, never given again (NS_GET_ID, Linux 6.18). */
  id(type: NamespaceType): bigint {
    const id = binding.getId(this.fd(type));
    if (typeof id === 'bigint') return id;
    const advice =
      id === errnos.ENOTTY ? 'this needs Linux 6.18; inode() works everywhere' : undefined;
    throw failure(id, 'ioctl', { type, advice });
  }

  /** Lets go of the namespaces. Closing again does nothing. */
  close(): void {
    if (this.#fds === undefined) return;
    dropped.unregister(this);
    this.#fds.release();
    this.#fds = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** @internal */
  fds(): Fds {
    if (this.#fds === undefined) {
      throw failure(errnos.EBADF, 'setns', { advice: 'this handle has been closed' });
    }
    return this.#fds;
  }
}
