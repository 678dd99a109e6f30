/**
 * Text from outside, for people: what a process, a file or an engine calls itself may steer a terminal,
 * hide a part of a line or turn it around. This is the one place where that is taken out.
 */

/**
 * Controls (C0, C1, DEL), format characters (bidirectional ones, of no width, tags), line and paragraph
 * separators, and halves of surrogate pairs.
 */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** To make an expression of those takes a millisecond, and most texts need none. */
const plain = /^[ -~]*$/;

/** For a line of a table or of a message: each is written as `\x1b`, `\u202e` or `\u{e0001}`. */
export function printable(text: string): string {
  if (plain.test(text)) return text;
  return text.replace(unprintable, character => {
    const code = character.codePointAt(0) ?? 0;
    const digits = code.toString(16);
    if (code > 0xffff) return `\\u{${digits}}`;
    return code > 0xff ? `\\u${digits.padStart(4, '0')}` : `\\x${digits.padStart(2, '0')}`;
  });
}

/** JSON that has the same value, and nothing of that in it but the line feeds between its lines. */
export function printableJson(value: unknown): string {
  const text = JSON.stringify(
    value,
    (_, item) => (typeof item === 'bigint' ? Number(item) : item),
    3,
  );
  return text.replace(unprintable, character => {
    if (character === '\n') return character;
    const units = Array.from({ length: character.length }, (_, i) => character.charCodeAt(i));
    return units.map(unit => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
  });
}
