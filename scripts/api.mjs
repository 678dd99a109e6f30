/**
 * npm run api: writes the signatures in docs/api.md from the declarations in lib, so that they are
 * what TypeScript sees. With --check it changes nothing and fails where they differ. Needs a build.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { API, SymbolFlags } from 'typescript/unstable/sync';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = `${root}docs/api.md`;
const entries = { '': 'index', '/syscalls': 'syscalls/index', '/vitest': 'vitest' };

/** What the printer gives, in our own style, without what is nobody's to use. */
function tidy(text) {
  return text
    .replace(/^export (declare )?/gm, '')
    .replace(/^declare (?=class|function|const)/gm, '')
    .split('\n')
    .filter(line => !/^\s*(#private;|private )/.test(line))
    .map(line => line.replace(/^( {4})+/, indent => indent.slice(indent.length / 2)))
    .map(line => line.replace(/^( +(?:readonly )?\w+\?: .*) \| undefined;$/, '$1;'))
    .join('\n')
    .replace(/\{\n\}$/, '{}');
}

function signatureOf(symbol, { checker, emitter }) {
  const print = handle => emitter.printNode(handle.resolve(), { removeComments: true });
  if ((symbol.flags & SymbolFlags.Variable) === 0) return symbol.declarations.map(print).join('\n');
  // A constant that is called: its call signatures, as functions.
  const calls = checker.getSignaturesOfType(checker.getTypeOfSymbol(symbol), 0);
  if (calls.length === 0) return symbol.declarations.map(d => `const ${print(d)};`).join('\n');
  const options = `${symbol.name[0].toUpperCase()}${symbol.name.slice(1)}Options`;
  return calls
    .map(call => `function ${symbol.name}${print(call.declaration)}`)
    .join('\n')
    .replaceAll(/\bOptions\b/g, options);
}

/** By entry and name: the signature of each export. */
export function signatures() {
  const api = new API({ cwd: root });
  try {
    const snapshot = api.updateSnapshot({ openProjects: [`${root}tsconfig.test.json`] });
    const [project] = snapshot.getProjects();
    const all = new Map();
    for (const [entry, file] of Object.entries(entries)) {
      const source = project.program.getSourceFile(`${root}lib/${file}.d.ts`);
      for (const symbol of project.checker.getExportsOfModule(
        project.checker.getSymbolAtLocation(source),
      )) {
        const alias = (symbol.flags & SymbolFlags.Alias) !== 0;
        const meant = alias ? project.checker.getAliasedSymbol(symbol) : symbol;
        all.set(`linux-namespaces${entry} ${symbol.name}`, tidy(signatureOf(meant, project)));
      }
    }
    return all;
  } finally {
    api.close();
  }
}

/** The page with each `### \`name\`` followed by its signature. */
export function withSignatures(text) {
  const known = signatures();
  let entry = '';
  return text.replace(
    /^## `(.*)`$|^### `(\w+)`\n\n```ts\n[\s\S]*?\n```$/gm,
    (whole, section, name) => {
      if (section !== undefined) entry = section;
      const signature = known.get(`${entry} ${name}`);
      if (signature === undefined) return whole;
      return `### \`${name}\`\n\n\`\`\`ts\n${signature}\n\`\`\``;
    },
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const before = readFileSync(page, 'utf8');
  const after = withSignatures(before);
  if (process.argv.includes('--check')) {
    if (before === after) process.exit();
    console.error('docs/api.md is not what the declarations say; run: npm run api');
    process.exit(1);
  }
  writeFileSync(page, after);
}
