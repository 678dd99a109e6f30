/** What spawnSync, execSync and execFileSync take and return: the types of node:child_process with ours. */
import type {
  ExecFileSyncOptions as NodeExecFileSyncOptions,
  ExecSyncOptions as NodeExecSyncOptions,
  SpawnSyncOptions as NodeSpawnSyncOptions,
  SpawnSyncReturns,
} from 'node:child_process';
import type { ChildPlace } from './options.ts';
import type { Encoding, Inferring, OutputOf } from './signatures.ts';

type Placed<O> = Omit<O, keyof ChildPlace | 'encoding'> & Omit<ChildPlace, 'terminal'>;
type Encoded = {
  /** Of the output, and of an `input` that is a string. Default: `'buffer'`. */
  encoding?: string | null | undefined;
};

export interface SpawnSyncOptions extends Placed<NodeSpawnSyncOptions>, Encoded {}
export interface ExecSyncOptions extends Placed<NodeExecSyncOptions>, Encoded {}
export interface ExecFileSyncOptions extends Placed<NodeExecFileSyncOptions>, Encoded {}

type Text<E> = OutputOf<E extends undefined ? null : E>;

// biome-ignore format: one signature a line
export interface SpawnSync<Options = SpawnSyncOptions> {
  <const E extends Encoding = null>(file: string, options?: Inferring<Options, 'encoding', E>): SpawnSyncReturns<Text<E>>;
  <const E extends Encoding = null>(file: string, args?: readonly string[] | null, options?: Inferring<Options, 'encoding', E>): SpawnSyncReturns<Text<E>>;
}

// biome-ignore format: one signature a line
export type ExecSync<Options = ExecSyncOptions> = 
  <const E extends Encoding = null>(command: string, options?: Inferring<Options, 'encoding', E> | null) => Text<E>

// biome-ignore format: one signature a line
export interface ExecFileSync<Options = ExecFileSyncOptions> {
  <const E extends Encoding = null>(file: string, options?: Inferring<Options, 'encoding', E>): Text<E>;
  <const E extends Encoding = null>(file: string, args?: readonly string[] | null, options?: Inferring<Options, 'encoding', E> | null): Text<E>;
}
