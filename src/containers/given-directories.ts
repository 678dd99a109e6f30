/**
 * Directories that the caller names may be a user's: what is in there is read as that user's then, and its
 * containers are that user's.
 */
import { lstat } from 'node:fs';
import { errnos } from '../base/errnos.ts';
import { failure } from '../base/errors.ts';
import { state as limits } from '../base/limits.ts';
import { isOwn } from '../base/own-rights.ts';
import { clearTimeout, setTimeout } from '../base/timers.ts';
import type { RuntimeLocation } from './location-types.ts';
import type { Reader } from './reader.ts';

/** Of what is there and may not be read, reading it tells. */
const missing: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR']);

/** Of a directory that does not say whose it is in time; nobody has anything in there. */
const nobody = 65_534;

/** As it is reached from here; not given: root's. One that was named and is not there has no containers, which would be no answer. */
export async function locationOf(
  reader: Reader,
  given: string | undefined,
  otherwise: string,
): Promise<RuntimeLocation> {
  const path = await reader.locate(given ?? otherwise);
  const found = given === undefined ? 0 : await ownerOf(path);
  const owner = typeof found === 'number' ? found : 0;
  if (typeof found !== 'number' && missing.has(found.code)) {
    const advice = 'it was named as the directory of an engine';
    reader.problems.push(failure(found.errno ?? errnos.ENOENT, 'lstat', { target: path, advice }));
  }
  return { path, owner, reader: isOwn(owner) ? reader : reader.of(path, owner) };
}

/** In a file system of the owner's making, this may take as long as the owner likes. */
export function ownerOf(path: string): Promise<number | NodeJS.ErrnoException> {
  return new Promise(resolve => {
    const timer = setTimeout(() => resolve(nobody), limits.timeout);
    lstat(path, (error, found) => {
      clearTimeout(timer);
      resolve(error ?? found.uid);
    });
  });
}
