/** What the examples take for a target: a pid, or the name of a container of any engine. */
import { findContainer } from 'linux-namespaces';

export async function targetOf(text) {
  if (text === undefined) throw new Error('a pid, or the name of a container, is missing');
  return /^\d+$/.test(text) ? Number(text) : await findContainer(text);
}
