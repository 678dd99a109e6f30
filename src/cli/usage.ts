/** What a subcommand says of itself, for its help, completion and the manual page. */
import type { Option } from './arguments.ts';

export interface DescribedOption extends Option {
  /** What its value is called: `DIR`. */
  readonly placeholder?: string;
  readonly about: string;
}

export type Described = Readonly<Record<string, DescribedOption>>;

export interface Usage {
  /** What may stand behind its name: one or more lines. */
  readonly lines: readonly string[];
  /** Paragraphs. */
  readonly about: readonly string[];
  readonly options: Described;
  /** What else there is to be known: paragraphs. */
  readonly notes?: readonly string[];
  /** What is typed, and what that does. */
  readonly examples: readonly (readonly [line: string, about: string])[];
}
