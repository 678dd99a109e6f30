/**
 * Which options lead to which results: as those of Node's functions do, also where a variable may be one thing
 * or the other.
 */
import type { Dirent } from 'node:fs';
import type {
  MkdirOptions,
  NameOptions,
  ReaddirOptions,
  ReadFileOptions,
  StatOptions,
} from './options.ts';

type Text = { encoding?: BufferEncoding | null | undefined };
type Bytes = { encoding: 'buffer' };
type Untyped = { withFileTypes?: false | undefined };
type Typed = { withFileTypes: true };

export type ContentAsBytes = (ReadFileOptions & { encoding?: null | undefined }) | null;
export type ContentAsText = (ReadFileOptions & { encoding: BufferEncoding }) | BufferEncoding;
export type AnyContent = ReadFileOptions | ReadFileOptions['encoding'];

export type NameAsText = (NameOptions & Text) | BufferEncoding | null;
export type NameAsBytes = (NameOptions & Bytes) | 'buffer';
export type AnyName = NameOptions | NameOptions['encoding'];

export type NamesAsText = (ReaddirOptions & Text & Untyped) | BufferEncoding | null;
export type NamesAsBytes = (ReaddirOptions & Bytes & Untyped) | 'buffer';
export type EntriesAsText = ReaddirOptions & Text & Typed;
export type EntriesAsBytes = ReaddirOptions & Bytes & Typed;
export type AnyNames = ReaddirOptions | ReaddirOptions['encoding'];
export type Listed = string[] | Buffer[] | Dirent[] | Dirent<Buffer>[];

export type StatAsNumbers = StatOptions & { bigint?: false | undefined };
export type StatAsBigInts = StatOptions & { bigint: true };

export type MkdirOfAll = MkdirOptions & { recursive: true };
export type MkdirOfOne = (MkdirOptions & { recursive?: false | undefined }) | Mode | null;
export type AnyMkdir = MkdirOptions | Mode | null;
type Mode = number | string;
