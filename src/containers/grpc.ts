/**
 * A call of gRPC over a connection that has been made and checked before: a POST of HTTP/2, a message
 * with its length before it, a status in the trailers (doc/PROTOCOL-HTTP2.md of grpc/grpc). That is all of
 * gRPC that a call needs; packages for it make their connections themselves, by a path that may be
 * another socket by then, and take the descriptors that come over it. A chunk of its own, for Node's HTTP/2.
 */
import { connect, type IncomingHttpHeaders } from 'node:http2';
import type { Socket } from 'node:net';

export { containersIn, containersOfPodsIn, namespacesIn, podsIn } from './grpc-answers.ts';

export interface Call {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly message: Buffer;
  /** Bytes that the answer may have. */
  readonly most: number;
  readonly signal: AbortSignal;
}

/** Resolves to the message of the answer. The connection is closed then. */
export function call(
  connection: Socket,
  { path, metadata, message, most, signal }: Call,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const session = connect('http://localhost', {
      createConnection: () => connection,
      settings: { enablePush: false },
    });
    const parts: Buffer[] = [];
    let length = 0;
    let [status, words]: [unknown, string] = [undefined, ''];
    const end = (error?: Error) => {
      signal.removeEventListener('abort', abort);
      session.destroy();
      connection.destroy();
      if (error === undefined) resolve(Buffer.concat(parts).subarray(prefix));
      else reject(error);
    };
    const abort = () => end(signal.reason);
    const note = (headers: IncomingHttpHeaders) => {
      status = headers['grpc-status'] ?? status;
      words = String(headers['grpc-message'] ?? words);
    };
    signal.addEventListener('abort', abort);
    session.on('error', end);
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...metadata,
    });
    stream.on('response', headers => {
      note(headers);
      if (headers[':status'] !== 200)
        end(new Error(`it answered ${headers[':status']} to ${path}`));
    });
    stream.on('trailers', note);
    stream.on('data', (part: Buffer) => {
      length += part.length;
      parts.push(part);
      if (length > most + prefix)
        end(Object.assign(new Error('it says too much'), { errno: -27, syscall: 'read' }));
    });
    stream.on('error', end);
    stream.on('close', () => end(wrongIn(path, status, words, parts)));
    stream.end(Buffer.concat([header(message.length), message]));
  });
}

/** Before each message: whether it is compressed, and its length. */
const prefix = 5;

function header(length: number): Buffer {
  const bytes = Buffer.alloc(prefix);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

function wrongIn(
  path: string,
  status: unknown,
  words: string,
  parts: readonly Buffer[],
): Error | undefined {
  if (status === undefined) return new Error(`it gave no answer to ${path}`);
  if (status !== '0') {
    const said = words.slice(0, 500).replaceAll(/%[0-9a-f]{2}/gi, ' ');
    return new Error(`it answered status ${status} to ${path}: ${said}`);
  }
  const answer = Buffer.concat(parts);
  const isWhole = answer.length >= prefix && answer[0] === 0;
  return isWhole && answer.readUInt32BE(1) === answer.length - prefix
    ? undefined
    : new Error(`what it answered to ${path} is no message of gRPC`);
}
