// Completion in the shells themselves; a command of that name gives the containers, as ps prints them.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { missing } from '../../engines/index.ts';
import { Screen } from '../shared/screen.ts';
import { hasProgram } from '../shared/support.ts';

const main = join(import.meta.dirname, '../../../lib/cli.cjs');
const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(() => {
  const names = 'web\nweb-2\nshop/cart/app\n$(touch evil)\n';
  writeFileSync(join(folder, 'names'), names);
  mkdirSync(join(folder, 'some', 'below'), { recursive: true });
  mkdirSync(join(folder, 'some', 'other'));
  writeFileSync(join(folder, 'some-file'), '');
  const command = `#!/bin/sh
case $1:$2 in
ps:*) cat '${join(folder, 'names')}' ;;
--root:some | --root=some:ps | --directory:docker.data-root=some) echo there ;;
esac
`;
  writeFileSync(join(folder, 'linux-namespaces'), command);
  chmodSync(join(folder, 'linux-namespaces'), 0o755);
  for (const shell of ['bash', 'zsh', 'fish']) {
    const script = execFileSync(process.execPath, [main, 'completion', shell]);
    writeFileSync(join(folder, shell), script);
  }
});

const run = (shell: string, code: string): string[] =>
  execFileSync(shell, ['-c', code], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: `${folder}:/usr/bin:/bin`, HOME: folder },
  })
    .split('\n')
    .filter(line => line !== '');

/** What each shell offers for a line whose last word is not finished. */
const shells: Record<string, (words: readonly string[]) => string[]> = {
  bash: words =>
    run(
      'bash',
      `. ./bash; COMP_WORDS=(${words.map(word => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
      _linux_namespaces; printf '%s\\n' "\${COMPREPLY[@]}"`,
    ),
  // The builtin works within the line editor alone: what it is given is what is offered.
  zsh: words =>
    run(
      'zsh',
      `compdef() { }; _files() { }; compset() { cur=\${cur#*=}; }
      compadd() { local end=; if [[ $1 == -S ]]; then end=$2; shift 2; fi; shift; for one; do [[ $one$end == "$cur"* ]] && print -r -- "$one$end"; done }
      . ./zsh; words=(${words.map(word => `'${word}'`).join(' ')}); CURRENT=${words.length}; cur=$words[CURRENT]
      _linux_namespaces; true`,
    ),
  fish: words =>
    run('fish', `source ./fish; complete -C '${words.join(' ')}'`).map(
      line => line.split('\t')[0] as string,
    ),
};

for (const [shell, complete] of Object.entries(shells)) {
  const absent = missing(shell);
  const title = `${shell} [${absent || 'installed'}]`;
  // bash has three words where `=` is; it and fish offer what is behind, or all of it.
  const attached = (option: string, value: string) =>
    shell === 'bash' ? [option, '=', value] : [`${option}=${value}`];
  const joined = (values: string[], before: string) =>
    shell === 'fish' ? values.map(value => before + value) : values;
  const lines: [string, string[], string[]][] = [
    ['subcommands', ['in'], ['inspect']],
    ['options', ['cp', '--one'], ['--one-file-system']],
    ['options of another', ['ps', '--fil'], ['--filter']],
    ['names', ['exec', 'web'], ['web', 'web-2']],
    ['names after -t', ['enter', '-t', 'shop'], ['shop/cart/app']],
    ['names before a path', ['cat', 'web-'], ['web-2:']],
    ['subcommands after --root DIR', ['--root', 'some', 'in'], ['inspect']],
    ['names in that root', ['--root', 'some', 'exec', 't'], ['there']],
    ['names in that root, --root=', [...attached('--root', 'some'), 'cat', 't'], ['there:']],
    [
      'names in that directory',
      ['--directory', ...attached('docker.data-root', 'some'), 'ps', 't'],
      ['there'],
    ],
    ['options before the subcommand', ['--dir'], ['--directory']],
    ['shells', ['completion', 'z'], ['zsh']],
    ['what find finds', ['find', 'po'], ['port']],
    ['what find finds, after an option', ['find', '-J', 'po'], ['port']],
    ['nothing that it does not find', ['find', 'port', 'we'], []],
    ['nothing that it does not find, after an option', ['find', '-J', 'port', 'pi'], []],
    ['names after -p of ls', ['ls', '-p', 'we'], ['web', 'web-2']],
    [
      'names after --target=',
      ['enter', ...attached('--target', 'web-')],
      joined(['web-2'], '--target='),
    ],
    ['names after flags', ['exec', '-it', 'web-'], ['web-2']],
    ['names after a value', ['exec', '-u', 'web', 'web-'], ['web-2']],
    ['no name for a user', ['exec', '-u', 'we'], []],
    ['no name for a user, --user', ['exec', '--user', 'we'], []],
    ['no name for a type', ['ls', '-t', 'we'], []],
    ['no name for columns', ['ps', '--output', 'we'], []],
    ['no name for a number', ['enter', '-S', 'we'], []],
    ['no name for a directory', ['exec', '-w', 'we'], []],
    ['no name for a file', ['exec', '--env-file', 'we'], []],
    ['no name where a program stands', ['enter', '-t', 'web', 'shop'], []],
  ];
  // fish has ways of its own there.
  if (shell !== 'fish') {
    lines.push(['no name for a user, -itu', ['exec', '-itu', 'we'], []]);
    lines.push(['no option for a value', ['exec', '-e', '--pri'], []]);
  }
  test.skipIf(absent).each(lines)(`${title}: %s`, (_, words, wanted) => {
    const found = complete(['linux-namespaces', ...words]);
    expect(found.sort()).toEqual(wanted);
  });

  test.skipIf(absent)(`${title}: nothing in a name is run`, () => {
    const found = complete(['linux-namespaces', 'exec', '']);
    expect(found.length).toBe(4);
    expect(found).toContain('web');
    expect(() => execFileSync('ls', [join(folder, 'evil')], { stdio: 'ignore' })).toThrow();
  });
}

/** How each shell is started, with nothing of the user's, and reads what completes. */
const starts: Record<string, { line: string; source: string }> = {
  bash: { line: 'bash --norc -i', source: "bind 'set show-all-if-ambiguous on'; . ./bash" },
  zsh: { line: 'zsh -f -i', source: 'autoload -U compinit; compinit -u -D; . ./zsh' },
  fish: { line: 'fish --no-config -i', source: 'source ./fish' },
};

describe.skipIf(!hasProgram('tmux'))('typed, with Tab [needs tmux]', () => {
  let screen: Screen | undefined;
  afterEach(() => {
    screen?.close();
    screen = undefined;
  });

  describe.each(Object.entries(starts))('%s', (shell, { line, source }) => {
    const absent = missing(shell);
    test.skipIf(absent)(`[${absent || 'installed'}]`, async () => {
      screen = await Screen.open();
      screen.type(`cd ${folder}; clear`);
      await screen.until(/^host# $/m);
      screen.type(`PATH=${folder}:$PATH HOME=${folder} exec ${line}`);
      // Each has a prompt of its own; what is typed is run when it is there.
      screen.type(`${source}; echo rea''dy`);
      await screen.until(/^ready$/m);
      const typed = async (text: string, wanted: RegExp) => {
        screen?.type(text, 'Tab');
        await screen?.until(wanted);
        screen?.key('C-u');
      };
      await typed('linux-namespaces insp', /linux-namespaces inspect +$/m);
      await typed('linux-namespaces exec shop', /exec shop\/cart\/app +$/m);
      await typed('linux-namespaces enter -t shop', /enter -t shop\/cart\/app +$/m);
      await typed('linux-namespaces cp --one-f', /cp --one-file-system +$/m);
      await typed('linux-namespaces cat web-', /cat web-2:/m);
      await typed('linux-namespaces exec -w so', /exec -w some\//);
      if (shell !== 'fish')
        await typed('linux-namespaces exec -itw some/b', /-itw some\/below\/ *$/m);
      await typed('linux-namespaces exec --workdir=so', /exec --workdir=some\//);
      await typed('linux-namespaces exec --env-file some-', /exec --env-file some-file/);
      await typed('linux-namespaces run -R so', /run -R some\//);
      await typed('linux-namespaces --root so', /--root some\//);
      await typed('linux-namespaces --root some exec th', /exec there +$/m);
      await typed('linux-namespaces --root=some ports th', /ports there +$/m);
      await typed('linux-namespaces --directory docker.data-root=some cat th', /cat there:/m);
      screen.type('clear');
      // Of several what is common, and at the next Tab what there is.
      screen.type('linux-namespaces exec we', 'Tab');
      screen.key('Tab');
      await screen.until(/web-2/);
    });
  });
});
