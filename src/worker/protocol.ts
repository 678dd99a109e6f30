/**
 * What goes through the two pipes between a worker and us: frames. Each has a header with its kind, the
 * id of the call and the length of the body, so that a body is judged before a byte of it is looked at.
 * `makeProtocol` is run at both ends, inside from its source: it can use nothing around it.
 */

/** An expression that makes a function, and the names that it must find. */
export interface Source {
  readonly text: string;
  readonly names: readonly string[];
}

/**
 * What we ask: to call a function (`[fn, ...args]`), which was sent once (`[fn, Source]`) and has a
 * number since; or the next of the async iterator (`id`) that a call has answered with.
 */
export type Request = 'settings' | 'function' | 'call' | 'next' | 'return';

/** What a worker answers: `ready` once, to its start; the others with the id of what they answer. */
export type Reply = 'ready' | 'value' | 'done' | 'iterator' | 'error';

export type Kind = Request | Reply;

/** What the program inside has to be told, as nothing there says it. */
export interface Settings {
  readonly execPath: string;
  readonly env: Readonly<Record<string, string>>;
  readonly maxResultBytes: number;
}

/** Before and after each body. What `begin` throws ends it all. */
export interface Listener {
  begin(kind: Kind | undefined, id: number, length: number): void;
  hear(kind: Kind, id: number, body: Buffer): void;
}

export type View = new (memory: ArrayBufferLike) => NodeJS.ArrayBufferView;

interface Hooks {
  _setTreatArrayBufferViewsAsHostObjects(yes: boolean): void;
}

/** The end of the channel. */
export interface Protocol {
  /** The most that a body can have, in bytes. */
  readonly most: number;
  /** The most that the text of a number, string, boolean or null can have that is sent as JSON. */
  readonly plainMost: number;
  /** By the number that stands for each in a clone; a Buffer has the number after the last. */
  readonly views: readonly View[];
  /**
   * A frame. `asJson`: the value consists of what `isPlain`. Throws a DataCloneError, or a RangeError
   * where the body has more than `most` bytes; `option` names what has set that.
   */
  encode(
    kind: Kind,
    id: number,
    value: unknown,
    asJson: boolean,
    most: number,
    option?: string,
  ): Uint8Array;
  /** Does JSON carry it as it is, in little time? A tenth of what a Serializer takes. */
  isPlain(value: unknown): boolean;
  receiver(listener: Listener): (bytes: Buffer) => void;
}

export function makeProtocol({ Serializer }: typeof import('node:v8')): Protocol {
  const kinds: readonly Kind[] = [
    'settings',
    'function',
    'call',
    'next',
    'return',
    'ready',
    'value',
    'done',
    'iterator',
    'error',
  ];
  // A frame: the kind (4 bytes), the length of the body (4), the id (8, a double), the body.
  const headSize = 16;
  const gap = ' '.repeat(headSize);
  const most = 2 ** 28;
  const plainMost = 4096; // characters
  const half = Reflect.get(globalThis, 'Float16Array') as View | undefined; // from Node 24 on
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
    ...(half === undefined ? [] : [half]),
  ] as readonly View[];

  const tooLarge = (limit: number, option?: string) => {
    const [what, by] =
      option === undefined ? ['a message to a worker', ''] : ['a result', ` (${option})`];
    return Object.assign(new RangeError(`${what} can have ${limit} bytes, not more${by}`), {
      code: 'ERR_BUFFER_TOO_LARGE',
    });
  };
  /** Of a view, whatever its class and of whichever realm (node:vm); undefined of a DataView. */
  const typeName = Object.getOwnPropertyDescriptor(
    Object.getPrototypeOf(Uint8Array.prototype),
    Symbol.toStringTag,
  )?.get as () => string | undefined;

  const notCloned = (text: string) => new DOMException(text, 'DataCloneError');

  class Writer extends Serializer {
    #bytes = 0;
    readonly #most: number;
    readonly #option: string | undefined;

    constructor(most: number, option: string | undefined) {
      super();
      this.#most = most;
      this.#option = option;
      (this as unknown as Hooks)._setTreatArrayBufferViewsAsHostObjects(true);
    }

    /** Node's hook: makes the error for what V8 cannot clone. */
    _getDataCloneError(text: string): Error {
      return notCloned(text);
    }

    /** Node's hook: memory that another process cannot share. Its own makes an error of no name. */
    _getSharedArrayBufferId(): never {
      throw notCloned('#<SharedArrayBuffer> could not be cloned.');
    }

    _writeHostObject(view: unknown): void {
      if (!ArrayBuffer.isView(view)) throw notCloned(`${String(view)} could not be cloned.`);
      const bytes = bytesOf(view as NodeJS.ArrayBufferView);
      this.#bytes += bytes.length;
      if (this.#bytes > this.#most) throw tooLarge(this.#most, this.#option); // before it is copied
      const name = typeName.call(view) ?? 'DataView';
      const kind = views.findIndex(kind => kind.name === name);
      if (kind < 0) throw notCloned(`${name} could not be cloned.`);
      this.writeUint32(Buffer.isBuffer(view) ? views.length : kind);
      this.writeUint32(bytes.length);
      this.writeRawBytes(bytes as never);
    }
  }

  function bytesOf(view: NodeJS.ArrayBufferView): Uint8Array {
    try {
      return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    } catch {
      throw notCloned(`${view.constructor.name} could not be cloned: its memory is detached.`);
    }
  }

  function clone(value: unknown, most: number, option: string | undefined): Buffer {
    const writer = new Writer(most, option);
    writer.writeRawBytes(Buffer.alloc(headSize));
    writer.writeHeader(); // begins with 0xff, as no JSON does
    try {
      writer.writeValue(value);
    } catch (error) {
      // V8 goes into it by recursion.
      const isFull = error instanceof RangeError && /^Maximum call stack/.test(error.message);
      throw isFull ? notCloned('what lies too many levels deep could not be cloned.') : error;
    }
    return writer.releaseBuffer();
  }

  function isPlain(value: unknown): boolean {
    switch (typeof value) {
      case 'number':
        return Number.isFinite(value) && !Object.is(value, -0);
      case 'string':
        return value.length < plainMost;
      default:
        return value === null || typeof value === 'boolean';
    }
  }

  function encode(
    kind: Kind,
    id: number,
    value: unknown,
    asJson: boolean,
    most: number,
    option?: string,
  ): Uint8Array {
    let bytes: Buffer;
    if (value === undefined) bytes = Buffer.from(gap);
    else if (asJson) bytes = Buffer.from(gap + JSON.stringify(value));
    else bytes = clone(value, most, option);
    const length = bytes.length - headSize;
    if (length > most) throw tooLarge(most, option);
    bytes.writeUInt32LE(kinds.indexOf(kind), 0);
    bytes.writeUInt32LE(length, 4);
    bytes.writeDoubleLE(id, 8);
    return bytes;
  }

  function receiver({ begin, hear }: Listener): (bytes: Buffer) => void {
    const head = Buffer.alloc(headSize);
    let headHas = 0;
    let kind: Kind | undefined;
    let id = 0;
    let body: Buffer | undefined; // of a frame that comes in several pieces
    let bodyHas = 0;
    return bytes => {
      for (let at = 0; at < bytes.length; ) {
        if (body === undefined) {
          const taken = bytes.copy(head, headHas, at);
          at += taken;
          headHas += taken;
          if (headHas < headSize) return;
          headHas = 0;
          kind = kinds[head.readUInt32LE(0)];
          const length = head.readUInt32LE(4);
          id = head.readDoubleLE(8);
          begin(kind, id, length);
          if (bytes.length - at >= length) {
            at += length;
            hear(kind as Kind, id, bytes.subarray(at - length, at));
            continue;
          }
          // Not a list of the pieces: as many as somebody likes may have one byte each.
          body = Buffer.allocUnsafeSlow(length);
          bodyHas = 0;
        }
        const taken = bytes.copy(body, bodyHas, at);
        at += taken;
        bodyHas += taken;
        if (bodyHas < body.length) return;
        const whole = body;
        body = undefined;
        hear(kind as Kind, id, whole);
      }
    };
  }

  return { most, plainMost, views, encode, isPlain, receiver };
}
