/** What spawnSync, execSync and execFileSync take and return: the types of node:child_process with ours. */
import type {
  ExecFileSyncOptions as NodeExecFileSyncOptions,
  ExecSyncOptions as NodeExecSyncOptions,
  SpawnSyncOptions as NodeSpawnSyncOptions,
  SpawnSyncReturns,
} from 'node:child_process';
import type { ChildPlace } from './options.ts';
import type { Encoded, Encoding, OutputOf } from './signatures.ts';

type Placed<O> = Omit<O, keyof ChildPlace | 'encoding'> & Omit<ChildPlace, 'terminal'>;
type OfText = {
  /** Of the output, and of an `input` that is a string. Default: `'buffer'`. */
  encoding?: string | null | undefined;
};

export interface SpawnSyncOptions extends Placed<NodeSpawnSyncOptions>, OfText {}
export interface ExecSyncOptions extends Placed<NodeExecSyncOptions>, OfText {}
export interface ExecFileSyncOptions extends Placed<NodeExecFileSyncOptions>, OfText {}

type Text<E> = OutputOf<E extends undefined ? null : E>;

// biome-ignore format: one signature a line
export interface SpawnSync<Options = SpawnSyncOptions> {
  <const E extends Encoding = null>(file: string, options?: Encoded<Options, E>): SpawnSyncReturns<Text<E>>;
  <const E extends Encoding = null>(file: string, args?: readonly string[] | null, options?: Encoded<Options, E>): SpawnSyncReturns<Text<E>>;
}

// biome-ignore format: one signature a line
export type ExecSync<Options = ExecSyncOptions> = 
  <const E extends Encoding = null>(command: string, options?: Encoded<Options, E> | null) => Text<E>

// biome-ignore format: one signature a line
export interface ExecFileSync<Options = ExecFileSyncOptions> {
  <const E extends Encoding = null>(file: string, options?: Encoded<Options, E>): Text<E>;
  <const E extends Encoding = null>(file: string, args?: readonly string[] | null, options?: Encoded<Options, E> | null): Text<E>;
}
