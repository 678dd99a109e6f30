/** What the library says of an option of its own, said of that of a command. */

import { gone } from '../base/advice.ts';
import type { NamespaceError } from '../base/errors.ts';

/** What options of the library are called there. */
export type OptionNames = Readonly<Record<string, string>>;

/** Of an error what a command says of it. */
export function wordsOf(names: OptionNames, { message, ...error }: Error): string {
  const { code, syscall = '', target, advice = gone } = error as Partial<NamespaceError>;
  const isGone = code === 'ESRCH' && /^(pidfd_)?open$/.test(syscall) && advice === gone;
  if (isGone && typeof target === 'number') return `there is no process ${target}`;
  return inWordsOf(names, message);
}

export function inWordsOf(names: OptionNames, text: string): string {
  return text
    .replace(
      /"options\.(\w+)[\w.]*"|options\.(\w+)/g,
      (_, quoted, plain) => names[quoted ?? plain] ?? quoted ?? plain,
    )
    .replace(/`(\w+): true`/g, (whole, name) => names[name] ?? whole);
}
