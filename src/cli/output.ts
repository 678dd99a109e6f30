/**
 * What is printed. Its reader may stop reading (`| head`): that is no error. Apart from main.ts,
 * as making the stream takes longer than starting a program, which has no use for it.
 */
export const stdout: NodeJS.WriteStream & { fd: 1 } = process.stdout;

stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  console.error(`linux-namespaces: ${error.message}`);
  process.exit(1);
});

/** A line, or several. */
export function print(text: string): void {
  stdout.write(`${text}\n`);
}
