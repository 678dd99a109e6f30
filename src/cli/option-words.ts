/** What the library says of an option of its own, said of that of a command. */

/** What options of the library are called there. */
export type OptionNames = Readonly<Record<string, string>>;

export function inWordsOf(names: OptionNames, text: string): string {
  return text
    .replace(
      /"options\.(\w+)[\w.]*"|options\.(\w+)/g,
      (_, quoted, plain) => names[quoted ?? plain] ?? quoted ?? plain,
    )
    .replace(/`(\w+): true`/g, (whole, name) => names[name] ?? whole);
}
