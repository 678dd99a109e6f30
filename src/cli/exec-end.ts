/** How `exec` and `debug` end, as docker exec: with the code of the program, or one that says why there was none. */
import { constants } from 'node:os';
import { printable } from '../base/printable.ts';
import { unexecutedWords } from '../child/launch-words.ts';
import { HelpWanted, VersionWanted } from './arguments.ts';
import { type End, type Line, notStarted, optionNames } from './exec-run.ts';
import { inWordsOf } from './option-words.ts';

export async function endingAsExec(run: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await run();
  } catch (error) {
    if (error instanceof HelpWanted || error instanceof VersionWanted) throw error;
    const words = inWordsOf(optionNames, (error as Error).message);
    console.error(`linux-namespaces: ${printable(words)}`);
    process.exitCode = notStarted;
  }
}

export function exitCodeOf({ code, signal, failed }: End, { rest: [file = ''] }: Line): number {
  if (failed !== undefined) {
    if (failed.syscall !== `spawn ${file}`) throw failed;
    const isMissing = failed.code === 'ENOENT';
    const words = isMissing ? 'there is no such program' : failed.code;
    console.error(`linux-namespaces: ${unexecutedWords(printable(file))}${words}`);
    return isMissing ? 127 : 126;
  }
  return signal === null ? (code ?? 0) : 128 + constants.signals[signal];
}
