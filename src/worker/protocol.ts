/**
 * What goes over the socket between a worker and us: messages, each a structured clone behind its
 * length. `makeProtocol` is run at both ends, inside from its source: it can use nothing around it.
 */

/** An expression that makes a function, and the names that it must find. */
export interface Source {
  readonly text: string;
  readonly names: readonly string[];
}

/**
 * What we ask: to call a function, which was sent once and has a number since; or the next of the
 * async iterator that a call has answered with.
 */
export type Request =
  | readonly ['settings', Settings]
  | readonly ['function', number: number, source: Source]
  | readonly ['call', id: number, fn: number, ...args: unknown[]]
  | readonly ['next' | 'return', id: number, iterator: number];

export type Answer =
  | readonly ['ready']
  | readonly ['value' | 'done', id: number, value?: unknown]
  | readonly ['iterator', id: number]
  | readonly ['error', id: number, thrown: unknown];

/** What the program inside has to be told, as nothing there says it. */
export interface Settings {
  readonly execPath: string;
  readonly env: Readonly<Record<string, string>>;
}

interface Hooks {
  _setTreatArrayBufferViewsAsHostObjects(yes: boolean): void;
}

/** The end of a socket, both ways. */
export interface Protocol {
  /** The bytes of a message. Throws a DataCloneError, or a RangeError where there are too many. */
  encode(message: readonly unknown[]): Uint8Array;
  /** Takes what has been received, calls back with each message that is whole. */
  receiver(heard: (message: unknown) => void): (bytes: Uint8Array) => void;
  /** What was thrown, so that it can be cloned with all that it says. */
  pack(thrown: unknown): unknown;
  unpack(packed: unknown): unknown;
}

export function makeProtocol({ Serializer, Deserializer }: typeof import('node:v8')): Protocol {
  const most = 2 ** 28;
  const views = [
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
    DataView,
  ] as const as readonly (new (
    memory: ArrayBufferLike,
  ) => NodeJS.ArrayBufferView)[];
  const buffer = views.length;

  const tooLarge = () =>
    Object.assign(new RangeError('a message to or from a worker can have 256 MiB, not more'), {
      code: 'ERR_BUFFER_TOO_LARGE',
    });
  const notCloned = (text: string) => new DOMException(text, 'DataCloneError');

  class Writer extends Serializer {
    #bytes = 0;

    constructor() {
      super();
      (this as unknown as Hooks)._setTreatArrayBufferViewsAsHostObjects(true);
    }

    /** Node's hook: makes the error for what V8 cannot clone. */
    _getDataCloneError(text: string): Error {
      return notCloned(text);
    }

    _writeHostObject(view: unknown): void {
      if (!ArrayBuffer.isView(view)) throw notCloned(`${String(view)} could not be cloned.`);
      this.#bytes += view.byteLength;
      if (this.#bytes > most) throw tooLarge(); // before it is copied
      const kind = views.findIndex(kind => view instanceof kind);
      if (kind < 0) throw notCloned(`${view.constructor.name} could not be cloned.`);
      this.writeUint32(Buffer.isBuffer(view) ? buffer : kind);
      this.writeUint32(view.byteLength);
      this.writeRawBytes(new Uint8Array(view.buffer, view.byteOffset, view.byteLength) as never);
    }
  }

  class Reader extends Deserializer {
    _readHostObject(): unknown {
      const kind = this.readUint32();
      const bytes = this.readRawBytes(this.readUint32());
      if (kind === buffer) return Buffer.from(bytes);
      const View = views[kind];
      if (View === undefined) throw notCloned('an unknown kind of view');
      return new View(new Uint8Array(bytes).buffer);
    }
  }

  const { parse, stringify } = JSON;
  const plainMost = 4096; // characters

  /** Does JSON carry it as it is? */
  function isPlain(part: unknown): boolean {
    switch (typeof part) {
      case 'number':
        return Number.isFinite(part) && !Object.is(part, -0);
      case 'string':
        return part.length < plainMost;
      default:
        return part === null || typeof part === 'boolean';
    }
  }

  function serialize(value: unknown): Buffer {
    const writer = new Writer();
    writer.writeRawBytes(Buffer.alloc(4));
    writer.writeHeader();
    writer.writeValue(value);
    const bytes = writer.releaseBuffer();
    if (bytes.length > most + 4096) throw tooLarge();
    return bytes;
  }

  /** As JSON where all parts are plain, which costs a tenth of a Serializer; it begins with '['. */
  function encode(message: readonly unknown[]): Uint8Array {
    const bytes = message.every(isPlain)
      ? Buffer.from(`    ${stringify(message)}`)
      : serialize(message);
    bytes.writeUInt32LE(bytes.length - 4, 0);
    return bytes;
  }

  function decode(bytes: Buffer): unknown {
    if (bytes[0] === 0x5b) return parse(bytes.toString());
    const reader = new Reader(bytes);
    reader.readHeader();
    return reader.readValue();
  }

  function receiver(heard: (message: unknown) => void): (bytes: Uint8Array) => void {
    let parts: Uint8Array[] = [];
    let have = 0;
    let wanted = 4;
    return bytes => {
      parts.push(bytes);
      have += bytes.length;
      if (have < wanted) return;
      const all =
        parts.length === 1
          ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
          : Buffer.concat(parts);
      let at = 0;
      wanted = 4;
      while (have - at >= 4) {
        const length = all.readUInt32LE(at);
        if (length > most + 4096) throw tooLarge();
        wanted = 4 + length;
        if (have - at < wanted) break;
        const message = all.subarray(at + 4, at + wanted);
        at += wanted;
        wanted = 4;
        heard(decode(message));
      }
      parts = at === have ? [] : [all.subarray(at)];
      have -= at;
    };
  }

  /** Of the program inside, which calls what the error comes from: the last frames. */
  const ownFrames = /\n +at [^\n]*\[eval\]:[^]*$/;
  const classes: Record<string, ErrorConstructor> = {
    EvalError,
    RangeError,
    ReferenceError,
    SyntaxError,
    TypeError,
    URIError,
  };

  /** V8 clones of an error its class, message and stack, but not its code, nor what else Node adds. */
  function pack(thrown: unknown, depth = 0): unknown {
    if (!(thrown instanceof Error) || depth > 8) return { value: clonable(thrown) };
    const fields: Record<string, unknown> = {};
    for (const name of Object.keys(thrown)) {
      const value = (thrown as unknown as Record<string, unknown>)[name];
      if (name !== 'cause' && name !== 'stack' && name !== 'message')
        fields[name] = clonable(value);
    }
    const { errors } = thrown as { errors?: unknown };
    return {
      name: String(thrown.name),
      message: String(thrown.message),
      stack: String(thrown.stack).replace(ownFrames, ''),
      fields,
      ...(thrown instanceof DOMException ? { exception: true } : {}),
      ...('cause' in thrown ? { cause: pack(thrown.cause, depth + 1) } : {}),
      ...(Array.isArray(errors) ? { errors: errors.map(error => pack(error, depth + 1)) } : {}),
    };
  }

  function clonable(value: unknown): unknown {
    try {
      serialize(value);
      return value;
    } catch {
      return `${value === null ? 'null' : typeof value} that could not be cloned`;
    }
  }

  function unpack(packed: unknown): unknown {
    const { value, name, message, stack, fields, exception, cause, errors } = packed as {
      value?: unknown;
      name?: string;
      message?: string;
      stack?: string;
      fields?: object;
      exception?: boolean;
      cause?: unknown;
      errors?: unknown[];
    };
    if (name === undefined) return value;
    if (exception) return new DOMException(message, name);
    const options = cause === undefined ? {} : { cause: unpack(cause) };
    const error =
      errors === undefined
        ? new (classes[name] ?? Error)(message, options)
        : new AggregateError(errors.map(unpack), message, options);
    Object.assign(error, fields);
    Object.defineProperty(error, 'stack', { value: stack, configurable: true, writable: true });
    if (error.name !== name) {
      Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true });
    }
    return error;
  }

  return { encode, receiver, pack, unpack };
}
