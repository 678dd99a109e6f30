/** How `exec` and `debug` end, as docker exec: with the code of the program, or one that says why there was none. */
import { constants } from 'node:os';
import { absentWords, noDirectory, unexecutedWords } from '../child/launch-words.ts';
import type { SpawnOptions } from '../child/options.ts';
import { HelpWanted, UsageError, VersionWanted } from './arguments.ts';
import { type End, type Line, notStarted, optionNames, type Run } from './exec-run.ts';
import { wordsOf } from './option-words.ts';

export async function endingAsExec(run: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await run();
  } catch (error) {
    if (error instanceof HelpWanted || error instanceof VersionWanted) throw error;
    process.exitCode = notStarted;
    throw Object.assign(error as Error, { message: wordsOf(optionNames, error as Error) });
  }
}

export async function exitCodeOf(
  run: Run,
  line: Line,
  options: SpawnOptions,
  interactive: boolean,
): Promise<number> {
  const { rest, hint, directory } = line;
  const [file = ''] = rest;
  const { code, signal, failed } = await run(line, options, interactive).catch(withoutProgram);
  if (failed === undefined) return signal === null ? (code ?? 0) : 128 + constants.signals[signal];
  const { syscall, errno = 0 } = failed;
  if (directory !== undefined && syscall === 'chdir' && noDirectory.includes(errno)) {
    throw new UsageError(absentWords(directory));
  }
  // What Node calls so is thrown or an event, as it likes; all else has another name.
  if (file !== '' && !syscall?.startsWith('spawn')) throw failed;
  const isMissing = file === '' || failed.code === 'ENOENT';
  const words = isMissing ? `there is no such program${file === '' ? '' : hint}` : failed.code;
  console.error(`linux-namespaces: ${unexecutedWords(file)}${words}`);
  return isMissing ? 127 : 126;
}

function withoutProgram(failed: NodeJS.ErrnoException): End {
  return { code: null, signal: null, failed };
}
