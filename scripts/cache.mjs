/** Where scripts beside the tests keep, for the next time, what they run as root. */
import { mkdirSync, statSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';

/** The folder, once nobody else may have put there what is in it. */
export function claimCache(name) {
  const cache = join(os.tmpdir(), `linux-namespaces-${name}-${process.getuid()}`);
  mkdirSync(cache, { recursive: true, mode: 0o755 });
  const { uid, mode } = statSync(cache);
  if (uid === process.getuid() && (mode & 0o022) === 0) return cache;
  throw new Error(`${cache} can be written by others: remove it`);
}
