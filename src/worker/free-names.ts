/**
 * The names that a function uses and does not declare, as far as its text shows for certain: so that
 * a closure can be refused before any of it runs. Not a parser: in doubt a name counts as declared,
 * and of a text that would take one to read (classes, a slash of two meanings) nothing is said.
 */

interface Token {
  readonly text: string;
  readonly kind: 'name' | 'word' | 'value' | 'sign';
}

const words = new Set(
  `arguments as async await break case catch class const continue debugger default delete do else
  export extends false finally for from function get if import in instanceof let new null of return
  set static super switch this throw true try typeof undefined var void while with yield`.split(
    /\s+/,
  ),
);

const values = new Set(['this', 'super', 'null', 'true', 'false', 'undefined', 'arguments']);

const blank = /(?:\s|\/\/[^\n]*|\/\*[^]*?\*\/)+/y;
const name = /#?[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/uy;
const number = /\.?\d(?:[\w.]|(?<=[eE])[+-])*/y;
const quoted = /'(?:[^'\\\n]|\\[^])*'|"(?:[^"\\\n]|\\[^])*"/y;
const regularExpression = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*/y;
const template = /(?:[^`\\$]|\\[^]|\$(?!\{))*/y;
const sign = /=>|\?\.|\.\.\.|[^]/y;

/** undefined where the text is beyond this. */
function tokensOf(text: string): Token[] | undefined {
  const tokens: Token[] = [];
  const open: string[] = []; // what a '}' ends: '{' or '${'
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  const takeTemplate = (): boolean => {
    take(template);
    if (text.startsWith('${', at)) open.push('${');
    else if (text[at] !== '`') return false;
    at += text[at] === '`' ? 1 : 2;
    tokens.push({ text: '`', kind: open.at(-1) === '${' ? 'sign' : 'value' });
    return true;
  };
  while (at < text.length) {
    if (take(blank) !== undefined) continue;
    const last = tokens.at(-1);
    const found = take(name);
    if (found !== undefined) {
      tokens.push({ text: found, kind: words.has(found) ? 'word' : 'name' });
    } else if (take(number) !== undefined || take(quoted) !== undefined) {
      tokens.push({ text: '0', kind: 'value' });
    } else if (text[at] === '`') {
      at++;
      if (!takeTemplate()) return undefined;
    } else if (text[at] === '}' && open.at(-1) === '${') {
      at++;
      open.pop();
      if (!takeTemplate()) return undefined;
    } else if (text[at] === '\\') {
      return undefined;
    } else if (text[at] === '/' && last !== undefined && last.kind !== 'name') {
      if (last.text === ')' || last.text === '}' || last.text === ']') return undefined;
      const divides = last.kind === 'value' || values.has(last.text);
      if (divides) at++;
      else if (take(regularExpression) === undefined) return undefined;
      tokens.push({ text: '/', kind: divides ? 'sign' : 'value' });
    } else {
      const found = take(sign) ?? '';
      if (found === '{') open.push(found);
      if (found === '}') open.pop();
      tokens.push({ text: found, kind: 'sign' });
    }
  }
  return tokens;
}

const opening = new Set(['(', '[', '{']);
const closing = new Set([')', ']', '}']);

/** Of each opening bracket the place of the one that closes it. */
function pairsOf(tokens: readonly Token[]): Map<number, number> {
  const pairs = new Map<number, number>();
  const open: number[] = [];
  tokens.forEach(({ text, kind }, i) => {
    if (kind !== 'sign') return;
    if (opening.has(text)) open.push(i);
    else if (closing.has(text)) pairs.set(open.pop() ?? -1, i);
  });
  return pairs;
}

const conditions = new Set(['if', 'for', 'while', 'switch']);
const declaring = new Set(['let', 'const', 'var', 'function', 'catch']);

function declaredIn(tokens: readonly Token[], pairs: ReadonlyMap<number, number>): Set<string> {
  const declared = new Set<string>();
  const declare = (from: number, to: number) => {
    for (const { text, kind } of tokens.slice(from, to + 1))
      if (kind === 'name') declared.add(text);
  };
  tokens.forEach(({ text }, i) => {
    const next = tokens[i + 1]?.text;
    if (text === '=>' && tokens[i - 1]?.kind === 'name') declare(i - 1, i);
    if (text === '(') {
      const end = pairs.get(i) ?? tokens.length;
      const after = tokens[end + 1]?.text;
      const isList =
        after === '=>' || (after === '{' && !conditions.has(tokens[i - 1]?.text ?? ''));
      if (isList) declare(Math.max(0, i - 1), end); // parameters, and the name of a method
    }
    if (!declaring.has(text)) return;
    // Each declarator: a name or a pattern, after it perhaps a value, then a comma.
    for (let at = i + (next === '*' ? 2 : 1); at < tokens.length; at++) {
      const end = pairs.get(at) ?? at;
      declare(at, end);
      for (at = end + 1; at < tokens.length; at = (pairs.get(at) ?? at) + 1) {
        const sign = tokens[at]?.text ?? '';
        if (sign === ',' || sign === ';' || closing.has(sign)) break;
      }
      if (tokens[at]?.text !== ',') return;
    }
  });
  return declared;
}

/** Names that `text`, the source of a function, uses and that are not its own. */
export function freeNames(text: string): string[] {
  const tokens = tokensOf(text);
  if (tokens === undefined || tokens.some(({ text }) => text === 'class' || text === 'with')) {
    return [];
  }
  const declared = declaredIn(tokens, pairsOf(tokens));
  const used = new Set<string>();
  tokens.forEach(({ text, kind }, i) => {
    if (kind !== 'name' || text.startsWith('#')) return;
    const before = tokens[i - 1]?.text ?? '';
    const after = tokens[i + 1]?.text;
    if (before === '.' || before === '?.' || before === 'break' || before === 'continue') return;
    if (after === ':' && /^[{},;)]?$/.test(before)) return; // a key, or a label
    if (before === 'typeof') declared.add(text); // whoever asks knows
    used.add(text);
  });
  return [...used].filter(name => !declared.has(name));
}
