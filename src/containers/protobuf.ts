/**
 * Messages of protobuf as they are on the wire (protobuf.dev/programming-guides/encoding): fields by their
 * numbers, of the few kinds that engines' answers have. What is no message throws a RangeError.
 */

import { sockets as limits } from '../base/limits.ts';

export interface Fields {
  /** Of a field that comes several times, in order: its bytes, or a number. */
  readonly values: ReadonlyMap<number, readonly (Buffer | number)[]>;
  /** How many fields may still be read, of this message and of all that it is a part of. */
  readonly budget: { left: number };
}

const [bytesKind, varintKind, longKind, shortKind] = [2, 0, 1, 5];

export function decode(bytes: Buffer, budget: Fields['budget'] = { left: limits.fields }): Fields {
  const fields = new Map<number, (Buffer | number)[]>();
  let at = 0;
  /** Of 64 bits; those above 2^53 are rounded. */
  const number = () => {
    let value = 0;
    for (let i = 0; i < 10; i++) {
      const byte = bytes[at++];
      if (byte === undefined) break;
      value += (byte & 127) * 128 ** i;
      if (byte < 128) return value;
    }
    throw malformed();
  };
  const take = (length: number) => {
    if (length > bytes.length - at) throw malformed();
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    if (--budget.left < 0) throw new RangeError(`it has more than ${limits.fields} fields`);
    const tag = number();
    const [field, kind] = [Math.floor(tag / 8), tag % 8];
    let value: Buffer | number | undefined;
    if (kind === varintKind) value = number();
    else if (kind === bytesKind) value = take(number());
    else if (kind === longKind) take(8);
    else if (kind === shortKind) take(4);
    else throw malformed();
    if (field === 0) throw malformed();
    if (value === undefined) continue;
    const values = fields.get(field);
    if (values === undefined) fields.set(field, [value]);
    else values.push(value);
  }
  return { values: fields, budget };
}

function malformed(): RangeError {
  return new RangeError('it is no message of protobuf');
}

/** The last, as protobuf has it; undefined where there is none, or it is empty. */
export function textIn(message: Fields, field: number): string | undefined {
  const value = message.values.get(field)?.at(-1);
  return Buffer.isBuffer(value) && value.length > 0 ? value.toString() : undefined;
}

/** 0 where there is none. */
export function numberIn(message: Fields, field: number): number {
  const value = message.values.get(field)?.at(-1);
  return typeof value === 'number' ? value : 0;
}

export function messagesIn(message: Fields, field: number): Fields[] {
  const values = message.values.get(field) ?? [];
  return values.filter(value => Buffer.isBuffer(value)).map(one => decode(one, message.budget));
}

/** An empty one where there is none. */
export function messageIn(message: Fields, field: number): Fields {
  const bytes = message.values.get(field)?.at(-1);
  return decode(Buffer.isBuffer(bytes) ? bytes : Buffer.alloc(0), message.budget);
}

/** A `map<string, string>`. */
export function textsIn(message: Fields, field: number): Record<string, string> {
  const pairs = messagesIn(message, field).map(pair => [textIn(pair, 1), textIn(pair, 2)] as const);
  return Object.fromEntries(pairs.map(([name = '', value = '']) => [name, value]));
}
