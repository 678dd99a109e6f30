/**
 * What is printed. Its reader may stop reading (`| head`): that is no error. Apart from main.ts,
 * as making the stream takes longer than starting a program, which has no use for it.
 */
import { printable } from '../base/printable.ts';
import { inherited } from './inherited.ts';

export const stdout: NodeJS.WriteStream & { fd: 1 } = process.stdout;

/** Of a terminal that has them, for people who want them: no-color.org. Node lets FORCE_COLOR win. */
export function hasColors(): boolean {
  return stdout.isTTY && !process.env['NO_COLOR'] && stdout.hasColors();
}

stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  console.error(`linux-namespaces: ${error.message}`);
  process.exit(1);
});

/** Throws where the command was started without one: Node has opened /dev/null in its place. */
export function openStdout(): typeof stdout {
  if (!inherited().descriptors.includes(stdout.fd)) throw new Error('stdout is closed');
  return stdout;
}

/** What went wrong, where that is not the end of the command. */
export function complain(message: string): void {
  console.error(`linux-namespaces: ${printable(message)}`);
}

/** A line, or several. */
export function print(text: string): void {
  openStdout().write(`${text}\n`);
}
