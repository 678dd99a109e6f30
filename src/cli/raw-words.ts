/** The words of the command line as bytes: Node decodes them as UTF-8, and names of files may be none. */
import { readFileSync } from 'node:fs';

/** `words` are the last ones on the line. */
export function bytesOfWords(words: readonly string[]): Buffer[] {
  if (words.length === 0 || !words.some(word => word.includes('\ufffd'))) {
    return words.map(word => Buffer.from(word));
  }
  // Each ends in a zero byte. One character a byte, so that nothing is decoded.
  const line = readFileSync('/proc/self/cmdline', 'latin1').split('\0').slice(0, -1);
  return line.slice(-words.length).map(word => Buffer.from(word, 'latin1'));
}
