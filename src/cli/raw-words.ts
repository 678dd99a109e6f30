/** The words of the command line as bytes: Node decodes them as UTF-8, and names of files may be none. */
import { readFileSync } from 'node:fs';

/** `after`: for each of the words, how many come after it on the line. */
export function bytesOfWords(words: readonly string[], after: readonly number[]): Buffer[] {
  if (words.length === 0 || !words.some(word => word.includes('\ufffd'))) {
    return words.map(word => Buffer.from(word));
  }
  // Each ends in a zero byte. One character a byte, so that nothing is decoded.
  const line = readFileSync('/proc/self/cmdline', 'latin1').split('\0').slice(0, -1);
  return after.map(count => Buffer.from(line.at(-1 - count) ?? '', 'latin1'));
}
