/** Lines that are typed, each run inside: `linux-namespaces js -t NAME` at a terminal. */
import { once } from 'node:events';
import { type REPLEval, Recoverable, start } from 'node:repl';
import { Script } from 'node:vm';
import type { NamespaceWorker } from '../worker/worker.ts';
import { runLine } from './js-inside.ts';
import { print } from './output.ts';

/** Until its end, or that of the worker: by which it is rejected. */
export async function runRepl(
  worker: NamespaceWorker,
  name: string,
  colors: boolean,
): Promise<void> {
  let dead: unknown;
  let isOver = false;
  let before = Promise.resolve();
  const evaluate: REPLEval = (line, _context, _file, done) => {
    if (isUnfinished(line)) {
      done(new Recoverable(new SyntaxError('more is to come')), undefined);
      return;
    }
    // Lines may come faster than they are run.
    before = before
      .then(() => worker.evaluate(runLine, line, colors))
      .then(
        ({ shown }) => (isOver ? print(shown) : done(null, shown)),
        error => {
          dead = error;
          repl.close();
        },
      );
  };
  // What is shown is text already. Completion would be by what there is out here.
  const repl = start({
    prompt: `${name}> `,
    eval: evaluate,
    writer: text => text,
    completer: () => [[], ''],
  });
  repl.once('exit', () => {
    isOver = true;
  });
  await once(repl, 'exit');
  await before; // of lines that were typed, or pasted, ahead of the one that ends it
  if (dead !== undefined) throw dead;
}

function isUnfinished(line: string): boolean {
  const inside = `async () => {${line}\n`;
  const [asScript, asBody, opened] = [line, `${inside}}`, inside].map(refusal);
  if (asScript === undefined || asBody === undefined) return false;
  // With await it is a script no more. In a body that is closed, what is open in it ends at the brace.
  return [asScript, opened].some(
    message =>
      message && /^(Unexpected end of input|Unterminated template|missing \))/.test(message),
  );
}

/** Why it is no script; undefined where it is one. */
function refusal(source: string): string | undefined {
  try {
    new Script(source);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
