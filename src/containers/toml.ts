/**
 * The format of the settings of containerd and Podman. This file alone knows the library for it, which is
 * loaded where there is such a file, and not before.
 */
import { parse } from 'smol-toml';

/** Throws where it is none. Deeper than any engine writes is none either. */
export function parseToml(text: string): unknown {
  return parse(text, { maxDepth: 32, integersAsBigInt: 'asNeeded' });
}
