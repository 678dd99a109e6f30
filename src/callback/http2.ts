/**
 * From an HTTP/2 stream's handle to the handle of its session. A stream that the peer opens is made in
 * native code and names nobody as its cause; its session is only known once JavaScript has wrapped it.
 *
 * Rests on three of Node's internals (lib/internal/http2/core.js, Node 20 to 26): the handle knows its
 * stream as `owner_symbol`, a session its handle as `kHandle`, and a stream shows its `session`.
 */

type Loose = Record<symbol, object | undefined> & { session?: object };

/** undefined for a stream that was reset before anybody saw it: nothing of the user's runs for it. */
export function sessionOf(streamHandle: object): object | undefined {
  const stream = behind(streamHandle, 'owner_symbol');
  if (stream?.session === undefined) return undefined;
  const session = behind(stream.session, 'kHandle');
  if (session !== undefined) return session;
  throw new Error(`HTTP/2 sessions of Node ${process.version} are not known`);
}

function behind(object: object, description: string): Loose | undefined {
  const key = Object.getOwnPropertySymbols(object).find(key => key.description === description);
  return key && ((object as Loose)[key] as Loose | undefined);
}
