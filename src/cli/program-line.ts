/** What stands behind the container of `exec` and `debug`: a program, and no options of ours. */
import { type Options, readArguments, UsageError } from './arguments.ts';
import { quoted } from './meant-line.ts';

/** The words of the program. `args`: of the whole line, at whose end `rest` is, the container first. */
export function programOf(
  command: string,
  args: readonly string[],
  options: Options,
  [name = '', ...words]: readonly string[],
): string[] {
  const [first = ''] = words;
  if (first === '--') return words.slice(1); // as kubectl exec has it
  if (!/^-./.test(first)) return words;
  const before = args.slice(0, args.length - words.length - 1);
  const { rest } = readArguments(words, options);
  const behind = words.slice(0, words.length - rest.length);
  const line = [...before, ...behind].filter(word => word !== '--');
  const meant = [command, ...line, name, ...rest].map(quoted).join(' ');
  throw new UsageError(`options stand before the container: ${meant}`);
}
