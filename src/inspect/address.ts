/** Internet addresses from the kernel's bytes to text. */

export type Family = 'IPv4' | 'IPv6';

/** In the form of inet_ntop(3), which RFC 5952 recommends. */
export function addressOf(bytes: Buffer): string {
  return bytes.length === 4 ? bytes.join('.') : ipv6(bytes);
}

function ipv6(bytes: Buffer): string {
  const words = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2));
  const gap = longestGap(words);
  const mapped = words.slice(0, 5).every(isZero) && words[5] === 0xffff;
  const compatible = gap.start === 0 && gap.length === 6;
  if (mapped || compatible) {
    return `${mapped ? '::ffff:' : '::'}${bytes.subarray(12).join('.')}`;
  }
  const text = (part: number[]) => part.map(word => word.toString(16)).join(':');
  if (gap.length < 2) return text(words);
  return `${text(words.slice(0, gap.start))}::${text(words.slice(gap.start + gap.length))}`;
}

/** The first of the longest runs of zeroes. */
function longestGap(words: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < words.length; start++) {
    let length = 0;
    while (words[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

function isZero(word: number): boolean {
  return word === 0;
}

export function macOf(bytes: Buffer): string {
  return [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join(':');
}
