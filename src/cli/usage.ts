/** What a subcommand says of itself, for its help, completion and the manual page. */
import type { Options } from './arguments.ts';

export interface Usage {
  /** What may stand behind its name: one or more lines. */
  readonly lines: readonly string[];
  /** Paragraphs. */
  readonly about: readonly string[];
  readonly options: Options;
  /** What else there is to be known: paragraphs. */
  readonly notes?: readonly string[];
  /** What is typed, and what that does. */
  readonly examples: readonly (readonly [line: string, about: string])[];
}
