/** What is used of the exports of test/fuzz/targets.ts. */
interface Targets {
  readonly targets: Readonly<Record<string, (bytes: Buffer) => void | Promise<void>>>;
  clear(): void;
}
export function loadTargets(): Promise<Targets>;
