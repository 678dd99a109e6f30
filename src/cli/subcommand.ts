/** What a file of a subcommand has to have. */
import type { OptionNames } from './option-words.ts';

export interface Subcommand {
  usage: string;
  optionNames?: OptionNames;
  /** `all`: for those who have something to say of the others. */
  main(args: readonly string[], all: Subcommands): Promise<void>;
}

/** name: what it does, and how its file is loaded. */
export type Subcommands = Readonly<
  Record<string, readonly [about: string, load: () => Promise<Subcommand>]>
>;
