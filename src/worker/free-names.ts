/**
 * The names that a function uses and does not declare: so that a closure can be refused before any of
 * it runs. Bundled with its parser into a chunk of its own, see chunks.ts.
 */
import { type Options, type Program, parse } from 'acorn';
import { analyze } from 'eslint-scope';

/** undefined where the text is of a newer JavaScript than the parser knows. */
function parsed(expression: string): Program | undefined {
  // As a module it may have import.meta, as a script what only sloppy mode has.
  for (const sourceType of ['module', 'script'] as const) {
    const options: Options = { ecmaVersion: 'latest', sourceType, ranges: true };
    try {
      return parse(expression, options);
    } catch {}
  }
  return undefined;
}

/** `expression`: the source of a function, as an expression. In doubt a name counts as declared. */
export function freeNames(expression: string): string[] {
  const tree = parsed(expression);
  if (tree === undefined) return [];
  const { sourceType } = tree;
  const { globalScope } = analyze(tree as never, { ecmaVersion: 2025, sourceType });
  const names = new Set<string>();
  const known = new Set(['arguments']); // an arrow function's are those of what calls it
  for (const { identifier } of globalScope?.through ?? []) {
    const { name } = identifier;
    const [start] = identifier.range as [number, number];
    // Who asks whether it is there copes without.
    if (/\btypeof[\s(]*$/.test(expression.slice(0, start))) known.add(name);
    names.add(name);
  }
  return [...names].filter(name => !known.has(name));
}
