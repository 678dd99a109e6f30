/**
 * How many columns of a terminal a text takes. This file alone knows the library for it, which is loaded
 * where a table has more than plain letters in it, and not before.
 */
import stringWidth from 'string-width';

export { stringWidth as widthOf };

/** As much of it as fits into so many columns: never half of a character. */
export function cutTo(text: string, columns: number): string {
  let end = 0;
  let left = columns;
  for (const { segment, index } of new Intl.Segmenter().segment(text)) {
    left -= stringWidth(segment);
    if (left < 0) break;
    end = index + segment.length;
  }
  return text.slice(0, end);
}
