/** Text from a file of ours that is named on the line, or from stdin. */
import { readFileSync } from 'node:fs';

/** Of a directory Node says that it cannot be read, and not which. */
export function readText(file: string | 0): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { path, message } = error as NodeJS.ErrnoException;
    const name = file === 0 ? 'stdin' : `'${file}'`;
    throw path === undefined
      ? Object.assign(error as Error, { message: `${message} ${name}` })
      : error;
  }
}
