/** Archives of tar: what is read of any bytes, and that what is written is read. */
import { deepStrictEqual } from 'node:assert';
import { headerOf, pack, parse, type Said, saidBy } from '../../src/root/tar.ts';
import { Input } from './input.ts';

/** What is said of each entry, up to where it is no archive any more. */
async function saidIn(pieces: Iterable<Uint8Array>): Promise<(Said | undefined)[]> {
  const parser = parse();
  parser.on('error', () => {});
  const said: (Said | undefined)[] = [];
  for (const bytes of pieces) parser.write(bytes);
  parser.end();
  for await (const entry of parser) {
    said.push(saidBy(entry.header));
    let length = 0;
    for await (const bytes of entry) length += bytes.length;
    if (said.at(-1) !== undefined && length !== said.at(-1)?.size) {
      throw new Error(`${length} bytes of ${said.at(-1)?.size}`);
    }
  }
  return said;
}

function checkSaid({ mode, uid, gid, major, minor, size, mtime }: Said): void {
  const whole = [mode, uid, gid, major ?? 0, minor ?? 0].every(
    one => Number.isInteger(one) && one >= 0 && one < 2 ** 32,
  );
  if (!whole || !Number.isSafeInteger(size) || size < 0 || !Number.isFinite(mtime)) {
    throw new Error(`said was ${JSON.stringify({ mode, uid, gid, major, minor, size, mtime })}`);
  }
}

export async function archive(bytes: Buffer): Promise<void> {
  const input = new Input(bytes);
  const size = 1 + 97 * input.byte();
  const rest = input.rest();
  const all: Uint8Array[] = [];
  for (let at = 0; at < rest.length; at += size) all.push(rest.subarray(at, at + size));
  let said: (Said | undefined)[] = [];
  try {
    said = await saidIn(all);
  } catch (error) {
    if (!/tar header|Unexpected end|[Hh]eader/.test((error as Error).message)) throw error;
  }
  for (const one of said) if (one !== undefined) checkSaid(one);
}

/** An entry that any file system may have. */
export async function entries(bytes: Buffer): Promise<void> {
  const input = new Input(bytes);
  const types = ['file', 'directory', 'symlink', 'link', 'fifo', 'character-device'] as const;
  const name = () => {
    const text = Buffer.from(
      Array.from({ length: 1 + input.below(250) }, () => 1 + input.below(255)),
    );
    // As a file system has it, and a directory is told apart by its type.
    return Buffer.from(text.toString('latin1').replace(/\/+$/, 'x'), 'latin1');
  };
  const type = types[input.below(types.length)] as (typeof types)[number];
  const isLink = type === 'symlink' || type === 'link';
  const content = type === 'file' ? Buffer.alloc(input.below(3) * 511, 'c') : Buffer.alloc(0);
  const said: Said = {
    name: name(),
    type,
    mode: input.word() & 0o7777,
    uid: input.word(),
    gid: input.word(),
    size: content.length,
    mtime: (input.word() - 2 ** 31) * 4,
    linkname: isLink ? name() : undefined,
    major: type === 'character-device' ? input.below(200) : 0,
    minor: type === 'character-device' ? input.word() & 0o777777 : 0,
  };
  const stream = pack();
  const { header, before } = headerOf(said);
  for (const block of before) stream.push(block);
  if (type === 'file') stream.entry(header, content);
  else stream.entry(header);
  stream.finalize();
  const written: Uint8Array[] = [];
  for await (const block of stream) written.push(block);
  const [read] = await saidIn(written);
  deepStrictEqual(read && { ...read, mode: read.mode & 0o7777 }, said);
}
