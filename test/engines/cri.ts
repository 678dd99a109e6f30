/**
 * Kubernetes' container runtime interface, as kubelet speaks it to containerd: gRPC over node:http2,
 * with the few messages that are needed written by hand (cri-api, runtime/v1/api.proto).
 */
import { connect } from 'node:http2';
import { createConnection } from 'node:net';
import { type Containerd, images } from './containerd.ts';

type Value = string | number | boolean | Message;
/** Fields by number; one that is repeated is a list. */
interface Message {
  readonly [field: number]: Value | readonly Value[];
}
type Decoded = Map<number, (Buffer | number)[]>;

export interface PodContainer {
  readonly id: string;
  /** What CRI says: `info` is the JSON that containerd adds, with pid and runtimeSpec. */
  status(): Promise<{ name: string; image: string; createdAt: number; info: Info }>;
  /** Ends it; containerd removes its task then, and keeps the container. */
  end(): Promise<void>;
}

interface Info {
  pid: number;
  sandboxID: string;
}

export interface RunningPod {
  readonly id: string;
  readonly pid: number;
  /** Runs one more container in it. */
  run(name: string, args: readonly string[], labels?: Labels): Promise<PodContainer>;
}

type Labels = Readonly<Record<string, string>>;

function mapOf(labels: Labels): Message[] {
  return Object.entries(labels).map(([name, value]) => ({ 1: name, 2: value }));
}

/** Runs a pod, with nothing in it but its sandbox. */
export async function runPod(
  { socket }: Containerd,
  about: { namespace: string; name: string; uid: string; labels?: Labels },
): Promise<RunningPod> {
  const { namespace, name, uid, labels: ofPod = {} } = about;
  const metadata = { 1: { 1: name, 2: uid, 3: namespace } };
  const config = { ...metadata, 2: `${name}-host`, 3: '/tmp', 6: mapOf(ofPod), 8: {} };
  const call = (method: string, message: Message) => ask(socket, method, message);
  const id = text(await call('RunPodSandbox', { 1: config }), 1);
  const sandbox = await call('PodSandboxStatus', { 1: id, 2: true });
  return {
    id,
    pid: infoIn(sandbox).pid,
    run: async (container, args, labels = {}) => {
      const image = { 1: images.busybox };
      const about = { 1: { 1: container }, 2: image, 3: args, 9: mapOf(labels), 15: {} };
      const made = text(await call('CreateContainer', { 1: id, 2: about, 3: config }), 1);
      await call('StartContainer', { 1: made });
      return {
        id: made,
        end: async () => {
          await call('StopContainer', { 1: made, 2: 0 });
        },
        status: async () => {
          const answer = await call('ContainerStatus', { 1: made, 2: true });
          const status = decode(answer.get(1)?.[0] as Buffer);
          return {
            name: text(decode(status.get(2)?.[0] as Buffer), 1),
            image: text(decode(status.get(8)?.[0] as Buffer), 1),
            createdAt: Number(status.get(4)?.[0]),
            info: infoIn(answer),
          };
        },
      };
    },
  };
}

function infoIn(answer: Decoded): Info {
  const entry = decode(answer.get(2)?.[0] as Buffer);
  return JSON.parse(text(entry, 2));
}

function text(message: Decoded, field: number): string {
  return String(message.get(field)?.[0] ?? '');
}

function ask(socket: string, method: string, message: Message): Promise<Decoded> {
  return new Promise((resolve, reject) => {
    const session = connect('http://localhost', {
      createConnection: () => createConnection(socket),
    });
    session.on('error', reject);
    const stream = session.request({
      ':method': 'POST',
      ':path': `/runtime.v1.RuntimeService/${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const parts: Buffer[] = [];
    let failed = '';
    stream.on('trailers', ({ 'grpc-status': status, 'grpc-message': words }) => {
      if (status !== '0') failed = `${method}: ${status} ${decodeURIComponent(String(words))}`;
    });
    stream.on('response', ({ 'grpc-status': status = '0', 'grpc-message': words }) => {
      if (status !== '0') failed = `${method}: ${status} ${decodeURIComponent(String(words))}`;
    });
    stream.on('data', part => parts.push(part));
    stream.on('error', reject);
    stream.on('end', () => {
      session.close();
      if (failed) reject(new Error(failed));
      else resolve(decode(Buffer.concat(parts).subarray(5)));
    });
    const body = encode(message);
    const frame = Buffer.alloc(5);
    frame.writeUInt32BE(body.length, 1);
    stream.end(Buffer.concat([frame, body]));
  });
}

function varint(number: number): Buffer {
  const bytes: number[] = [];
  let rest = number;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

function encode(message: Message): Buffer {
  const parts = Object.entries(message).flatMap(([field, values]) =>
    (Array.isArray(values) ? values : [values]).flatMap(value => one(Number(field), value)),
  );
  return Buffer.concat(parts);
}

function one(field: number, value: Value): Buffer[] {
  if (typeof value === 'number' || typeof value === 'boolean') {
    return [varint(field * 8), varint(Number(value))];
  }
  const bytes = typeof value === 'string' ? Buffer.from(value) : encode(value);
  return [varint(field * 8 + 2), varint(bytes.length), bytes];
}

function decode(bytes: Buffer): Decoded {
  const fields: Decoded = new Map();
  let at = 0;
  const number = () => {
    let [value, scale] = [0, 1];
    for (; ; scale *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = number();
    const size = number();
    const isBytes = tag % 8 === 2;
    const value = isBytes ? bytes.subarray(at, at + size) : size;
    if (isBytes) at += size;
    fields.set(Math.floor(tag / 8), [...(fields.get(Math.floor(tag / 8)) ?? []), value]);
  }
  return fields;
}
