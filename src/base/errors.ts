/**
 * The library's errors. `failure` is the only place where a negative errno becomes an Error; what the
 * caller got wrong in the call itself is a TypeError with Node's codes.
 */

import { errnos } from './errnos.ts';
import { builtin } from './lazy-builtins.ts';
import { isType, kinds, type NamespaceType, type Types } from './namespace-types.ts';
import { own } from './own-properties.ts';
import { filterAdvice } from './own-rights.ts';
import { printable } from './printable.ts';

const { getSystemErrorMap, inspect } = builtin('node:util')();

export interface Circumstances {
  /** The type of namespace that the call was about. */
  type?: NamespaceType | undefined;
  /** The pid or path that the call was about. */
  target?: number | string | undefined;
  /** What to do about it. */
  advice?: string | undefined;
}

/**
 * A call on namespaces that failed: with Node's own fields for a failed system call, the type of
 * namespace and the target, and a message that says what to do.
 */
export class NamespaceError extends Error {
  /** The name of the error number: `'EPERM'`. */
  readonly code: string;
  /** The error number, negative as in Node. */
  readonly errno: number;
  /** The system call that failed. */
  readonly syscall: string;
  readonly type: NamespaceType | undefined;
  /** The pid or the path. */
  readonly target: number | string | undefined;
  /** What to do about it, which the message says too; undefined where nothing is known. */
  readonly advice: string | undefined;
  /** Of a call on files of a container: the path inside, and the other one where there are two. */
  declare readonly path?: string;
  declare readonly dest?: string;

  /** @internal */
  constructor(message: string, errno: number, code: string, syscall: string, at: Circumstances) {
    super(message);
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
    this.type = at.type;
    this.target = at.target;
    this.advice = at.advice === undefined ? undefined : printable(at.advice);
  }

  static {
    // As in Node's own errors: seen in the stack, not listed among the fields.
    const name = { value: 'NamespaceError', configurable: true, writable: true };
    Object.defineProperty(NamespaceError.prototype, 'name', own(name));
  }
}

/** Below it, libuv has numbers of its own. */
const kernels = -1000;

/** What we may answer, or the kernel, and libuv has no name for. */
const others = new Map<number, [code: string, words: string]>([
  [errnos.ENOTUNIQ, ['ENOTUNIQ', 'name not unique']],
  [errnos.ECHILD, ['ECHILD', 'no child processes']],
  [errnos.EUSERS, ['EUSERS', 'too many users']],
  [errnos.ESTALE, ['ESTALE', 'stale file handle']],
  [errnos.EDQUOT, ['EDQUOT', 'disk quota exceeded']],
]);

/** The names of all error numbers of the kernel that there is one for: `EPERM, operation not permitted`. */
export function errorNames(): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  const add = (name: [string, string], errno: number) => {
    if (errno > kernels) names.set(errno, `${name[0]}, ${name[1]}`);
  };
  getSystemErrorMap().forEach(add);
  others.forEach(add);
  return names;
}

function named(errno: number): [code: string, words: string] {
  const name = getSystemErrorMap().get(errno) ?? others.get(errno);
  return name ?? [`errno ${-errno}`, 'unknown error'];
}

/** Turns what a native function returned (-errno) into an error. */
export function failure(errno: number, syscall: string, given: Circumstances = {}): NamespaceError {
  const at = own(given);
  const advice = at.advice ?? filterAdvice(errno, syscall, false);
  const [code, words] = named(errno);
  const all = own({ ...at, advice });
  const [before, after] = around(syscall, all);
  return new NamespaceError(`${before}${code}, ${words}${after}`, errno, code, syscall, all);
}

/** The parts of the message of `failure`: what comes before the name of the error, and after it. */
export function around(syscall: string, given: Circumstances): [before: string, after: string] {
  const at = own(given);
  const target = typeof at.target === 'number' ? `pid ${at.target}` : at.target;
  const what = at.type && target ? `${at.type} of ${target}` : (at.type ?? target);
  const where = what === undefined ? syscall : `${what}: ${syscall}`;
  return [printable(`${where} `), printable(at.advice ? `; ${at.advice}` : '')];
}

/** What a call on files was about. */
export interface Files {
  readonly path?: string | undefined;
  readonly dest?: string | undefined;
  /** A code of Node's own for this failure. */
  readonly code?: string | undefined;
}

/** A failed call on files of a container, in Node's words for such a one. */
export function fileFailure(
  errno: number,
  syscall: string,
  given: Files,
  circumstances: Circumstances = {},
): NamespaceError {
  const files = own(given);
  const at = own(circumstances);
  const [code, words] = named(errno);
  const path = files.path === undefined ? '' : ` '${files.path}'`;
  const dest = files.dest === undefined ? '' : ` -> '${files.dest}'`;
  const advice = at.advice ? `; ${at.advice}` : '';
  const message = printable(`${code}: ${words}, ${syscall}${path}${dest}${advice}`);
  const error = new NamespaceError(message, errno, files.code ?? code, syscall, at);
  for (const name of ['path', 'dest'] as const) {
    if (files[name] !== undefined) Object.assign(error, { [name]: files[name] });
  }
  return error;
}

/** What no thread of Node can do, with what can. */
export function refusal(
  types: readonly NamespaceType[],
  reason: string,
  given: Circumstances = {},
): NamespaceError {
  const at = own(given);
  const advice = at.advice ? `; ${at.advice}` : '';
  const message = printable(`${types.join(', ')}: ${reason}${advice}`);
  return new NamespaceError(
    message,
    errnos.EOPNOTSUPP,
    'ENOTSUP',
    'setns',
    own({ ...at, type: at.type ?? types[0] }),
  );
}

function withCode(code: string, message: string): TypeError {
  return Object.assign(new TypeError(printable(message)), { code });
}

/** `name` is of the wrong type: `wanted` reads on after "must be". */
export function invalidType(name: string, wanted: string, got: unknown): TypeError {
  return withCode('ERR_INVALID_ARG_TYPE', `"${name}" must be ${wanted}. Received ${show(got)}`);
}

/** `name` has a value that cannot be: `wanted` reads on after "must be". */
export function invalidValue(name: string, wanted: string, got: unknown): TypeError {
  return withCode('ERR_INVALID_ARG_VALUE', `"${name}" must be ${wanted}. Received ${show(got)}`);
}

function show(value: unknown): string {
  const text = inspect(value, { depth: 1, breakLength: Infinity, compact: true });
  return text.length > 100 ? `${text.slice(0, 100)}...` : text;
}

export function checkFunction(fn: unknown): void {
  if (typeof fn !== 'function') throw invalidType('fn', 'a function', fn);
}

const known = kinds.map(kind => kind.name).join(', ');

/** Types as a caller may give them: 'all', or known ones, each once, at least one. */
export function checkTypes(types: unknown, name = 'types'): Types {
  return types === 'all' ? types : listOf(types, name, "'all' or ");
}

/** The same, where there is nothing that 'all' could mean. */
export function checkTypeList(types: unknown, name = 'types'): readonly NamespaceType[] {
  return listOf(types, name, '');
}

function listOf(types: unknown, name: string, or: string): readonly NamespaceType[] {
  if (!Array.isArray(types)) throw invalidType(name, `${or}an array of ${known}`, types);
  if (types.length === 0) throw invalidValue(name, `${or}at least one of ${known}`, types);
  const checked = types.slice();
  for (let i = 0; i < checked.length; i++) {
    if (!isType(checked[i])) throw invalidValue(name, `${or}made of ${known}`, checked[i]);
    if (checked.indexOf(checked[i]) !== i) throw invalidValue(name, 'without repetition', types);
  }
  return checked;
}
