/** What Node's permission model (`--permission`) says of starting processes. */

/** Under Node's permission model an addon must not be a way around it. */
export function requirePermission(): void {
  const { permission } = process as { permission?: { has(scope: string): boolean } };
  if (permission === undefined || permission.has('child')) return;
  throw Object.assign(new Error('Access to this API has been restricted'), {
    code: 'ERR_ACCESS_DENIED',
    permission: 'ChildProcess',
  });
}
