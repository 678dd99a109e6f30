/**
 * What Node's own functions take as a path, of whichever realm: the bytes and URLs of a context of
 * node:vm, or of a test environment, are no instances of our classes.
 */
import { types } from 'node:util';

export function isBytes(given: unknown): given is Uint8Array {
  return types.isUint8Array(given);
}

/** As Node tells one. */
export function isUrl(given: unknown): given is URL {
  const url = given as (Partial<URL> & { auth?: unknown; path?: unknown }) | null | undefined;
  return Boolean(
    typeof url === 'object' &&
      url?.href &&
      url.protocol &&
      url.auth === undefined &&
      url.path === undefined,
  );
}
