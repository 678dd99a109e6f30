/**
 * What runs inside for `linux-namespaces js`: the code, as Node would run it. These functions are sent as
 * source: they can use nothing around them.
 */

export interface Program {
  readonly code: string;
  /** What is run where `code` is not well formed: statements, of which the last one has the value. */
  readonly script?: string | undefined;
  /** In stacks, and the second of `process.argv`. */
  readonly file: string;
  readonly args: readonly string[];
  readonly module: boolean;
  /** Its value is printed: also undefined. */
  readonly print: boolean;
  readonly colors: boolean;
}

/** import() in what a vm.Script runs is good for us as it is, also where Node still has more plans for it. */
export function hideWarning(): void {
  const { emitWarning } = process;
  process.emitWarning = (...words: unknown[]) => {
    if (/^vm\.USE_MAIN_CONTEXT_DEFAULT_LOADER /.test(String(words[0]))) return;
    Reflect.apply(emitWarning, process, words);
  };
}

/**
 * Ends the process as Node ends: when nothing is left to do, by `process.exit` or an error that nobody
 * caught. So it has no answer but the exit code.
 */
export async function runProgram(program: Program): Promise<void> {
  const { code, file, args, print, colors } = program;
  const { Script, constants } = process.getBuiltinModule('node:vm');
  const { inspect } = process.getBuiltinModule('node:util');
  process.argv.splice(1, Infinity, file, ...args);
  Object.assign(globalThis, { args });
  // What hears us is no reason to stay: there is nothing else yet.
  const handles = (process as unknown as { _getActiveHandles(): unknown[] })._getActiveHandles();
  for (const handle of handles) (handle as { unref?(): void }).unref?.();

  const asModule = () => {
    const source = Buffer.from(`${code}\n//# sourceURL=${encodeURI(file)}`).toString('base64');
    return import(`data:text/javascript;base64,${source}`).then(() => undefined);
  };
  const scriptOf = (source: string, columnOffset = 0) =>
    new Script(source, {
      filename: file,
      columnOffset,
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    });
  const asBody = () => {
    const head = '(async (args) => {';
    return scriptOf(`${head}${code}\n})`, -head.length).runInThisContext()(args);
  };
  const run = () => {
    if (program.module) return asModule();
    try {
      return asBody();
    } catch (error) {
      const isModule = /import statement outside a module|'import\.meta' outside|token 'export'/;
      if (!(error instanceof SyntaxError)) throw error;
      if (isModule.test(error.message)) return asModule();
      const { script = 'await' } = program;
      if (/\bawait\b/.test(script)) throw error;
      return Promise.resolve(scriptOf(script).runInThisContext());
    }
  };
  const flush = async () => {
    for (const stream of [process.stdout, process.stderr]) {
      await new Promise<unknown>(done => stream.write('', done));
    }
  };
  try {
    const ending = new Promise<void>(resolve => process.once('beforeExit', () => resolve()));
    // What is awaited need not keep Node alive; what nobody will ever fulfil ends with it.
    const running = run().then((value: unknown) => {
      if (value === undefined && !print) return;
      console.log(typeof value === 'string' ? value : inspect(value, { colors }));
    });
    const settled = await Promise.race([running.then(() => true), ending.then(() => false)]);
    if (settled) await ending;
    else process.exitCode ??= 13; // as Node's, for an await that is never settled
  } catch (error) {
    // Frames of ours tell nobody anything.
    for (let one = error; one instanceof Error; one = one.cause) {
      const stack = one.stack ?? '';
      const at = stack.search(/\n {4}at [^\n]*\bevaluate:\d+/);
      if (at >= 0) one.stack = stack.slice(0, at);
    }
    console.error(
      error instanceof Error ? inspect(error, { colors }) : `Uncaught ${inspect(error)}`,
    );
    process.exitCode = 1;
  }
  await flush();
  process.exit();
}

/**
 * Makes `process.stdin` of what comes from outside, and says each time that it wants more of that. While it
 * waits, there is something left to do.
 */
export async function* wantInput(): AsyncGenerator<void> {
  const { Readable } = process.getBuiltinModule('node:stream');
  let want = () => {};
  let wanted = new Promise<void>(resolve => {
    want = resolve;
  });
  let waiting: NodeJS.Timeout | undefined;
  const stdin = new Readable({
    read() {
      waiting ??= setInterval(() => {}, 2 ** 30);
      want();
    },
  });
  const feed: typeof feedInput = (bytes, failed) => {
    clearInterval(waiting);
    waiting = undefined;
    if (failed === undefined) stdin.push(bytes);
    else stdin.destroy(Object.assign(new Error(failed.message), failed));
  };
  Object.assign(stdin, { fd: 0 });
  Object.defineProperty(process, 'stdin', { value: stdin, configurable: true, enumerable: true });
  Object.defineProperty(globalThis, Symbol.for('linux-namespaces.feed'), { value: feed });
  for (;;) {
    await wanted;
    wanted = new Promise<void>(resolve => {
      want = resolve;
    });
    yield;
  }
}

/** More of it; null: its end, or why there is no more. */
export function feedInput(bytes: Uint8Array | null, failed?: { readonly message: string }): void {
  const feed = Reflect.get(globalThis, Symbol.for('linux-namespaces.feed'));
  (feed as typeof feedInput)(bytes, failed);
}

/** A line of a REPL: its value, as it is shown, or what it throws. */
export async function runLine(
  line: string,
  colors: boolean,
): Promise<{ shown: string; failed: boolean }> {
  const { Script, constants } = process.getBuiltinModule('node:vm');
  const { inspect } = process.getBuiltinModule('node:util');
  const run = (source: string) =>
    new Script(source, {
      filename: 'REPL',
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    }).runInThisContext();
  const either = (...sources: string[]): unknown => {
    for (const [i, source] of sources.entries()) {
      try {
        return run(source);
      } catch (error) {
        if (!(error instanceof SyntaxError) || i === sources.length - 1) throw error;
      }
    }
  };
  try {
    const first = line.trimStart().startsWith('{') ? [`(${line}\n)`] : [];
    const awaiting = line.includes('await')
      ? [
          `(async () => (${line}\n))()`,
          // A name that is declared stays, as in Node's own.
          `(async () => {${line.replace(/^\s*(?:const|let|var)\s+(?=[\w$]+\s*=|[[{])/, '0, ')}\n})()`,
        ]
      : [];
    const value = await either(...first, line, ...awaiting);
    return { shown: value === undefined ? 'undefined' : inspect(value, { colors }), failed: false };
  } catch (error) {
    const text = inspect(error, { colors }).replace(
      /\n {4}at (?:Script\.runInThisContext |new Script .*\n {4}at run \(evaluate:)[\s\S]*/,
      '',
    );
    return { shown: `Uncaught ${text}`, failed: true };
  }
}
