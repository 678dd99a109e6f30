/**
 * Makes lib/linux-namespaces.1, the manual page: of what the subcommands say of themselves, as their
 * --help shows it, and of docs/command.md.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lexer } from 'marked';
import { build } from 'rolldown';

const root = join(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** Modules of src, for a Node that reads no TypeScript. */
async function sources(input) {
  const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-man-'));
  process.on('exit', () => rmSync(folder, { recursive: true }));
  await build({
    ...{ input, platform: 'node', logLevel: 'warn' },
    output: {
      dir: folder,
      format: 'esm',
      entryFileNames: '[name].mjs',
      chunkFileNames: '[name].mjs',
    },
  });
  const files = Object.keys(input).map(name => join(folder, `${name}.mjs`));
  return Object.assign({}, ...(await Promise.all(files.map(file => import(file)))));
}

const { subcommands, lookupOptions, spelled, withCommon } = await sources({
  subcommands: join(root, 'src/cli/subcommands.ts'),
  lookup: join(root, 'src/cli/lookup.ts'),
  help: join(root, 'src/cli/help.ts'),
});

const plain = text => text.replaceAll('\\', '\\e');
/** What is typed: a hyphen is one that can be copied, and nothing begins a request. */
const typed = text => plain(text).replaceAll('-', '\\-');
const bold = text => `\\fB${typed(text)}\\fR`;
/** A line that begins with a dot or an apostrophe would be a request. */
const lines = text => text.replace(/^(?=[.'])/gm, '\\&');
/** In lines as those who make pages wish them; it is filled again. */
const folded = text => lines(text.replace(/(?=.{79})(.{1,78}) +/g, '$1\n').replace(/ +$/gm, ''));
const quoted = text => `"${text.replaceAll('"', '\\(dq')}"`;
const section = name => `.SH ${quoted(plain(name.toUpperCase()))}`;
const paragraphs = texts => texts.map(text => `.PP\n${folded(plain(text))}`);
const block = text => `.PP\n.RS 4\n.nf\n${lines(typed(text))}\n.fi\n.RE`;
const item = (term, text) => `.TP\n${lines(term)}\n${folded(text)}`;

const optionItems = options =>
  Object.entries(options).map(entry => item(bold(spelled(entry).trim()), plain(entry[1].about)));

/** Without those of the whole command. */
const ownOptions = options =>
  Object.fromEntries(Object.entries(options).filter(([name, one]) => one !== lookupOptions[name]));

/** Of Markdown what docs/command.md has; anything else is an error, and not left out. */
function inline(tokens) {
  const parts = {
    text: token => (token.tokens ? inline(token.tokens) : plain(unescaped(token.text))),
    escape: token => plain(token.text),
    codespan: token => bold(token.text),
    link: token => inline(token.tokens),
    strong: token => inline(token.tokens),
  };
  return tokens.map(token => known(parts, token)).join('');
}

function unescaped(text) {
  const names = { lt: '<', gt: '>', amp: '&', quot: '"', '#39': "'" };
  return text.replace(/&(lt|gt|amp|quot|#39);/g, (_, name) => names[name]);
}

function known(makers, token) {
  const make = makers[token.type];
  if (make === undefined)
    throw new Error(`docs/command.md: no ${token.type} is expected: ${token.raw}`);
  return make(token);
}

/** The first column is what the others are about. */
function table({ header, rows }) {
  const heads = header.map(cell => inline(cell.tokens));
  const all = rows.map(cells => {
    // What has nothing in the first is about the second.
    const from = cells.findIndex(({ tokens }) => tokens.length > 0);
    const said = cells
      .map((cell, i) => [heads[i], inline(cell.tokens)])
      .slice(from + 1)
      .filter(([, text]) => text !== '')
      .map(([head, text]) => folded(head === '' || heads.length === 2 ? text : `${head}: ${text}`));
    return `.TP\n${lines(inline(cells[from].tokens))}\n${said.join('\n.br\n')}`;
  });
  const [subject, ...others] = heads;
  const title = others.length > 1 && subject !== '' ? [`.SS ${quoted(subject)}`] : [];
  return [...title, ...all].join('\n');
}

const blocks = {
  heading: ({ text }) => section(text),
  paragraph: ({ tokens }) => `.PP\n${folded(inline(tokens))}`,
  code: ({ text }) => block(text),
  table,
  space: () => '',
};

const document = lexer(readFileSync(join(root, 'docs/command.md'), 'utf8'));
const first = document.findIndex(({ raw }) => raw.startsWith('## '));
/** What stands before the first section but for its title and the table of subcommands. */
const intro = document.slice(1, first).filter(({ type }) => type !== 'table');

const commands = await Promise.all(
  Object.entries(subcommands).map(async ([name, [, load]]) => {
    const { usage } = await load();
    return [
      `.SS ${quoted(name)}`,
      usage.lines.map(line => `.PP\n${bold(`linux-namespaces ${name}`)} ${typed(line)}`).join('\n'),
      ...paragraphs(usage.about),
      ...optionItems(ownOptions(usage.options)),
      ...paragraphs(usage.notes ?? []),
      ...usage.examples.map(([line, about]) => item(typed(line), plain(about))),
    ].join('\n');
  }),
);

const page = [
  `.TH LINUX\\-NAMESPACES 1 "" ${quoted(`linux-namespaces ${version}`)}`,
  section('Name'),
  'linux\\-namespaces \\- run programs in Linux namespaces and containers, and look into them',
  section('Synopsis'),
  `${bold('linux-namespaces')} [option...] command [option...]`,
  section('Description'),
  ...intro.map(token => known(blocks, token)),
  section('Options'),
  ...optionItems(Object.fromEntries(withCommon(lookupOptions))),
  section('Commands'),
  ...commands,
  ...document.slice(first).map(token => known(blocks, token)),
  section('See also'),
  ['nsenter(1)', 'unshare(1)', 'lsns(8)', 'namespaces(7)', 'docker(1)', 'podman(1)']
    .map(page => page.replace(/^(\w+)/, '.BR $1 ').replace(/ (\(\d\))$/, ' $1 ,'))
    .join('\n')
    .replace(/ ,$/, ''),
];
const text = page
  .filter(Boolean)
  .join('\n')
  .replace(/\n{2,}/g, '\n')
  // Nothing stands between a heading and its first paragraph.
  .replace(/^(\.S[HS] .*)\n\.PP$/gm, '$1');
writeFileSync(join(root, 'lib/linux-namespaces.1'), `${text}\n`);
