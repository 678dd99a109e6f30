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
  return linesOf(value).replace(unprintable, character => {
    if (character === '\n') return character;
    const units = Array.from({ length: character.length }, (_, i) => character.charCodeAt(i));
    return units.map(unit => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
  });
}

/** Columns by which a line is indented at most: of a thousand nested processes it would be megabytes. */
const indentMost = 200;

/**
 * As JSON.stringify() with an indentation of 3, however deep: without recursion. Who starts a process
 * in a process in a process would otherwise have us overflow the stack.
 */
function linesOf(whole: unknown): string {
  const written: string[] = [];
  const todo: (string | { value: unknown; depth: number })[] = [{ value: whole, depth: 0 }];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    if (typeof next === 'string') {
      written.push(next);
      continue;
    }
    const { depth } = next;
    const value = typeof next.value === 'bigint' ? Number(next.value) : next.value;
    if (typeof value !== 'object' || value === null || value instanceof Date) {
      written.push(JSON.stringify(value) ?? 'null');
      continue;
    }
    const line = (depth: number) => `\n${' '.repeat(Math.min(3 * depth, indentMost))}`;
    const isList = Array.isArray(value);
    const entries = Object.entries(value).filter(([, item]) => isList || item !== undefined);
    const [open, close] = isList ? ['[', ']'] : ['{', '}'];
    written.push(open);
    todo.push(`${entries.length === 0 ? '' : line(depth)}${close}`);
    // From the last to the first, as the last one is taken first.
    for (const [i, [name, item]] of [...entries.entries()].reverse()) {
      const label = isList ? '' : `${JSON.stringify(name)}: `;
      todo.push(
        { value: item, depth: depth + 1 },
        `${i === 0 ? '' : ','}${line(depth + 1)}${label}`,
      );
    }
  }
  return written.join('');
}
