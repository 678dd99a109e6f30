/**
 * Errors on their way out of a worker. V8 clones of an error its class, message and stack, but not its
 * code, nor what else Node adds. `makePack` is run inside, from its source; `unpack` outside, on what
 * anybody may have made.
 */
import { Malformed } from './clone-bytes.ts';

/** `isClonable`: whether the structured clone takes it. */
export function makePack(
  isClonable: (value: unknown) => boolean,
  isNativeError: (value: unknown) => boolean,
): (thrown: unknown) => unknown {
  const depthMost = 32; // causes of causes
  /** Of the program inside, which calls what the error comes from: the last frames. */
  const ownFrames = /\n +at [^\n]*\[eval\]:[\s\S]*$/;

  /** Getters, and the traps of a Proxy, are the caller's: any of them may throw. */
  function attempt<T>(read: () => T, otherwise: T): T {
    try {
      return read();
    } catch {
      return otherwise;
    }
  }

  function clonable(value: unknown): unknown {
    if (isClonable(value)) return value;
    return `${value === null ? 'null' : typeof value} that could not be cloned`;
  }

  return function pack(thrown) {
    const packed = new Map<unknown, object>(); // an error may be its own cause

    function one(value: unknown, depth: number): unknown {
      // Of another realm (node:vm) it is no instance of ours.
      if (!isNativeError(value) && !attempt(() => value instanceof Error, false)) {
        return { value: clonable(value) };
      }
      const known = packed.get(value);
      if (known !== undefined) return known;
      const error = value as Error & { errors?: unknown };
      const text = (name: 'name' | 'message' | 'stack') => attempt(() => String(error[name]), '');
      const fields: Record<string, unknown> = {};
      for (const name of attempt(() => Object.keys(error), [])) {
        if (['cause', 'stack', 'message', '__proto__'].includes(name)) continue;
        fields[name] = attempt(
          () => clonable((error as unknown as Record<string, unknown>)[name]),
          'could not be read',
        );
      }
      const made: Record<string, unknown> = {
        name: text('name'),
        message: text('message'),
        stack: text('stack').replace(ownFrames, ''),
        fields,
        exception: error instanceof DOMException,
      };
      packed.set(value, made);
      if (depth < depthMost) {
        if (attempt(() => 'cause' in error, false)) {
          made['cause'] = one(
            attempt(() => error.cause, undefined),
            depth + 1,
          );
        }
        const errors = attempt(() => error instanceof AggregateError && error.errors, false);
        if (Array.isArray(errors)) made['errors'] = errors.map(error => one(error, depth + 1));
      }
      return made;
    }

    return one(thrown, 0);
  };
}

/** No object: it would find 'constructor' and '__proto__', too. */
const classes = new Map<string, ErrorConstructor>(
  [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map(one => [
    one.name,
    one,
  ]),
);

/** What was packed. Throws `Malformed` where that is nothing that `pack` makes. */
export function unpack(packed: unknown): unknown {
  const made = new Map<object, unknown>();

  function one(packed: unknown): unknown {
    if (!isRecord(packed)) throw new Malformed('no error');
    if (made.has(packed)) return made.get(packed);
    if (!Object.hasOwn(packed, 'name')) return own(packed, 'value');
    const [name, message, stack] = ['name', 'message', 'stack'].map(part => own(packed, part));
    const fields = own(packed, 'fields');
    if (
      typeof name !== 'string' ||
      typeof message !== 'string' ||
      typeof stack !== 'string' ||
      !isRecord(fields)
    ) {
      throw new Malformed('an error without its parts');
    }
    const errors = own(packed, 'errors');
    const error =
      own(packed, 'exception') === true
        ? new DOMException(message, name)
        : Array.isArray(errors)
          ? new AggregateError([], message)
          : new (classes.get(name) ?? Error)(message);
    made.set(packed, error);
    const set = (part: string, value: unknown, enumerable = false) =>
      Object.defineProperty(error, part, { value, enumerable, configurable: true, writable: true });
    for (const [field, value] of Object.entries(fields)) {
      if (!['__proto__', 'cause', 'stack', 'message'].includes(field)) set(field, value, true);
    }
    set('stack', stack);
    if (error.name !== name) set('name', name);
    if (Object.hasOwn(packed, 'cause')) set('cause', one(own(packed, 'cause')));
    if (Array.isArray(errors)) set('errors', errors.map(one));
    return error;
  }

  return one(packed);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function own(record: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
