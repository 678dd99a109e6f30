// js as a runner: what node does with code, arguments, stdin, errors and exit codes, inside.
import { execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { folder, outcome, type Started, startTarget } from '../child/fixtures/targets.ts';

const main = join(import.meta.dirname, '../../../lib/cli.cjs');
let target: Started;
beforeAll(async () => {
  target = await startTarget(['mnt', 'net', 'pid', 'uts'], { keep: true });
});

function js(args: readonly string[], input = '') {
  const child = spawn(process.execPath, [main, 'js', '-t', `${target.pid}`, ...args]);
  child.stdin.on('error', () => {}); // it may not read it
  child.stdin.end(input);
  return outcome(child);
}

test.each([
  ['a value', ['-p', '1 + 1'], '2\n', 0],
  ['the value undefined', ['-p', 'undefined'], 'undefined\n', 0],
  ['a function, which could not be sent', ['-p', 'Math.max'], '[Function: max]\n', 0],
  ['what is returned', ['-e', 'return args.join()', 'a', 'b'], 'a,b\n', 0],
  ['nothing', ['-e', '1'], '', 0],
  ['process.argv', ['-p', 'process.argv.slice(1).join()', 'x'], '[eval],x\n', 0],
  ['exit', ['-e', 'process.exit(4)'], '', 4],
  ['exitCode', ['-e', 'process.exitCode = 3'], '', 3],
  ['what is left to do', ['-e', 'setTimeout(() => console.log("later"), 20)'], 'later\n', 0],
  ['exit handlers', ['-e', 'process.on("exit", code => console.log(code))'], '0\n', 0],
  ['an await without an end', ['-e', 'await new Promise(() => {})'], '', 13],
  [
    'a module',
    ['--input-type=module', '-e', 'import os from "node:os"; console.log(await 7)'],
    '7\n',
    0,
  ],
  ['code that is one', ['-e', 'import os from "os"; console.log(typeof os.EOL)'], 'string\n', 0],
  ['an expression as it is written in code', ['-p', '"a;" + 1; '], 'a;1\n', 0],
  [
    'statements, of which the last has the value',
    ['-p', 'const os = require("os"); os.EOL.length; // x'],
    '1\n',
    0,
  ],
  ['no statement', ['-p', ' ;'], 'undefined\n', 0],
  ['-p behind -e: the last one, printed', ['-e', '1', '-p', '2'], '2\n', 0],
  ['-e behind -p: the same', ['-p', '2', '-e', '3'], '3\n', 0],
  [
    '-p and -e in one, as for node',
    ['-pe', 'process.argv.slice(2)', 'x', '-pe'],
    "[ 'x', '-pe' ]\n",
    0,
  ],
  ['import()', ['-p', 'typeof (await import("node:fs")).open'], 'function\n', 0],
])('%s', async (_, args, stdout, code) => {
  expect(await js(args)).toMatchObject({ stdout, stderr: '', code });
});

test('inside, where nothing but one program is', async () => {
  const { stdout } = await js(['-p', 'process.pid']);
  expect(stdout).toMatch(/^\d{1,3}\n$/); // a pid of a pid namespace that is nearly empty
});

test.each([
  [
    'by where and why',
    'throw new Error("no luck", { cause: new Error("deep") })',
    [/^Error: no luck\n {4}at \[eval\]:1:7 \{\n {2}\[cause\]: Error: deep\n {6}at \[eval\]:1:/],
  ],
  ['of the code itself', 'one two', [/^\[eval\]:1\n/, /SyntaxError: /]],
  ['a variable that is not there', 'return nope', [/^ReferenceError: nope is not defined\n/]],
  ['later', 'setTimeout(() => { throw new TypeError("async") })', [/TypeError: async\n {4}at /]],
  ['no Error', 'throw 7', [/^Uncaught 7\n$/]],
  [
    'of a library',
    'return fetch("http://127.0.0.1:1/")',
    [/fetch failed/, /\[cause\]: Error: bad port/],
  ],
])('an error: %s', async (_, code, messages) => {
  const { stdout, stderr, code: exitCode } = await js(['-e', code]);
  expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 1 });
  for (const message of messages) expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/evaluate:\d/);
});

test('files: by name, with the lines of their stacks', async () => {
  const script = join(folder, 'script.js');
  writeFileSync(
    script,
    '#!/usr/bin/env node\nfunction f() {\n  throw new RangeError(args[0]);\n}\nf();\n',
  );
  const failed = await js([script, '--x']);
  expect(failed.code).toBe(1);
  expect(failed.stderr).toMatch(
    `RangeError: --x\n    at f (${script}:3:9)\n    at ${script}:5:1\n`,
  );
  const module = join(folder, 'module.mjs');
  writeFileSync(
    module,
    'import os from "node:os";\nexport const x = 1;\nthrow new RangeError("x");\n',
  );
  expect((await js([module])).stderr).toMatch(`RangeError: x\n    at ${module}:3:7\n`);
});

test('stdin: to the code, or as the code', async () => {
  const count = 'let n = 0; for await (const chunk of process.stdin) n += chunk.length; return n';
  expect(await js(['-e', count], 'x'.repeat(300_000))).toMatchObject({
    stdout: '300000\n',
    code: 0,
  });
  expect(await js(['-e', count])).toMatchObject({ stdout: '0\n', code: 0 });
  expect(await js([], 'console.log(args)')).toMatchObject({ stdout: '[]\n', code: 0 });
  expect(await js(['-', 'z'], 'console.log(args)')).toMatchObject({ stdout: "[ 'z' ]\n", code: 0 });
});

test('stdin that can only be written, as under nohup', async () => {
  const run = async (code: string) => {
    const line = ['-c', '"$0" "$@" 0>/dev/null', process.execPath, main];
    const all = [...line, 'js', '-t', `${target.pid}`, '-e', code];
    return outcome(spawn('sh', all));
  };
  const code = 'process.stdin.on("error", ({ code }) => console.log(code)).resume()';
  expect(await run(code)).toMatchObject({ stdout: 'EBADF\n', stderr: '', code: 0 });
  const uncaught = await run('for await (const _ of process.stdin);');
  expect(uncaught).toMatchObject({ code: 1, stderr: expect.stringMatching(/^\[?Error: EBADF: /) });
});

test('stdin that nobody asks for is not read, and not waited for', async () => {
  const line = `${process.execPath} ${main} js -t ${target.pid} -e 1; cat`;
  const stdout = execFileSync('sh', ['-c', line], { input: 'rest\n', encoding: 'utf8' });
  expect(stdout).toBe('rest\n');
});

test.each([
  [['--timeout', '100', '-e', 'for (;;);'], 1, 'the program took longer than 100 ms'],
  [['--timeout', 'x', '-e', '1'], 1, '--timeout must be a number of milliseconds above 0'],
  [['--input-type', 'wasm', '-e', '1'], 1, '--input-type is module or commonjs, not wasm'],
  [['-e', 'process.kill(process.pid, "SIGTERM"); for (;;);'], 143, 'ended by SIGTERM'],
])('%j: said in one line', async (args, code, message) => {
  const result = await js(args);
  expect(result).toMatchObject({ stdout: '', code });
  expect(result.stderr).toMatch(/^linux-namespaces: .*\n$/);
  expect(result.stderr).toContain(message);
});

test('SIGUSR1 ends it as any program, and opens no debugger, which every user of the machine could use', async () => {
  const code = 'console.log("ready"); setTimeout(() => {}, 5000)';
  const child = spawn(process.execPath, [main, 'js', '-t', `${target.pid}`, '-e', code]);
  child.stdout.once('data', () => child.kill('SIGUSR1'));
  expect(await outcome(child)).toMatchObject({ stdout: 'ready\n', stderr: '', signal: 'SIGUSR1' });
});

test('at a terminal: each line is run, and names stay', async () => {
  const line = `${process.execPath} ${main} js -t ${target.pid}`;
  const child = spawn('script', ['-qec', line, '/dev/null'], {
    env: { ...process.env, TERM: 'dumb', NO_COLOR: '1' },
  });
  let shown = '';
  const said = (text: RegExp) =>
    new Promise<void>(resolve => {
      const look = () => text.test(shown) && resolve();
      child.stdout.on('data', look);
      look();
    });
  child.stdout.on('data', (chunk: Buffer) => {
    shown += chunk;
  });
  const prompt = `${target.pid}> `;
  await said(new RegExp(`${prompt}$`));
  const lines: [string, RegExp][] = [
    ['const x = await 5', /undefined\r\n.*> $/],
    ['x + 1', /\n6\r\n.*> $/],
    ['function f() {\nreturn [x] }', /undefined\r\n.*> $/],
    ['await Promise.all([\n7,\n8])', /\[ 7, 8 \]\r\n.*> $/],
    ['for await (const one of [1]) {\nglobalThis.y = one + 8 }', /undefined\r\n.*> $/],
    ['y', /\n9\r\n.*> $/],
    ['const { a, b: [c] } = await { a: 1, b: [31] };', /undefined\r\n.*> $/],
    ['a + c', /\n32\r\n.*> $/],
    ['await f(}', /SyntaxError: [^\r]*\r\n\d+> $/],
    ['f()', /\[ 5 \]\r\n.*> $/],
    ['throw new Error("no luck")', /Error: no luck\r\n {4}at REPL:1:7\r\n.*> $/],
  ];
  for (const [typed, answer] of lines) {
    shown = '';
    child.stdin.write(`${typed}\n`);
    await said(answer);
  }
  child.stdin.write('process.exit(3)\n');
  expect(await outcome(child)).toMatchObject({ code: 3 });
});

test('at a terminal: lines that are pasted ahead of the end are run and shown', async () => {
  const line = `${process.execPath} ${main} js -t ${target.pid}`;
  const child = spawn('script', ['-qec', line, '/dev/null'], {
    env: { ...process.env, TERM: 'dumb', NO_COLOR: '1' },
  });
  child.stdin.write(
    '1 + 1\nawait new Promise(done => setTimeout(done, 300, "la" + "te"))\n.exit\n',
  );
  const { stdout, code } = await outcome(child);
  expect(code).toBe(0);
  expect(stdout).toMatch(/\n2\r\n.*'late'\r\n/s);
});
