/** What a file of a subcommand has to have. */
import type { Lookup } from './lookup.ts';
import type { OptionNames } from './option-words.ts';
import type { Usage } from './usage.ts';

/** What stands before the subcommand, and those that there are. */
export interface Context {
  readonly lookup: Lookup;
  readonly all: Subcommands;
}

export interface Subcommand {
  usage: Usage;
  optionNames?: OptionNames;
  main(args: readonly string[], context: Context): Promise<void>;
}

/** name: what it does, and how its file is loaded. */
export type Subcommands = Readonly<
  Record<string, readonly [about: string, load: () => Promise<Subcommand>]>
>;
