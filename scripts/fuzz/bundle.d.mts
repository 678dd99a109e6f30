/** The exports of test/fuzz/targets.ts. */
export function loadTargets(): Promise<typeof import('../../test/fuzz/targets.ts')>;
