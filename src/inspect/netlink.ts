/** The form of netlink messages (netlink(7)), and a dump made in the network namespace of a target. */

import os from 'node:os';
import { joiningMissing } from '../base/advice.ts';
import { binding } from '../base/binding.ts';
import { errnos } from '../base/errnos.ts';
import { failure } from '../base/errors.ts';
import { netlink as limits, lookingLimits } from '../base/limits.ts';
import { openTarget, type Target } from '../target/target.ts';

/** The kernel's words are in the byte order of the machine. */
export const littleEndian: boolean = os.endianness() === 'LE';

const headerSize = 16; // struct nlmsghdr
const flags = 0x301; // NLM_F_REQUEST | NLM_F_DUMP
const done: readonly number[] = [2, 3]; // NLMSG_ERROR, NLMSG_DONE

export const protocols = { route: 0, sockDiag: 4 } as const; // NETLINK_ROUTE, NETLINK_SOCK_DIAG

export interface Request {
  readonly protocol: number;
  readonly type: number;
  /** What follows the header. */
  readonly size: number;
  /** The struct that each answer begins with. */
  readonly answerSize: number;
  fill?(body: DataView): void;
}

/** Makes the dumps where the target is; each answer is a list of messages' bodies. */
export async function dump(target: Target, requests: readonly Request[]): Promise<DataView[][]> {
  const fds = openTarget(target, ['net']);
  try {
    const { error, step, answers } = await binding.netlinkDump(
      fds.get('net') ?? -1,
      Int32Array.from(requests, request => request.protocol),
      requests.map(encode),
      lookingLimits(),
    );
    if (error < 0) throw failure(error, step, { type: 'net', advice: advice(error, step) });
    return answers.map((answer, i) => bodies(answer, requests[i]?.answerSize ?? 0));
  } finally {
    fds.release();
  }
}

function advice(errno: number, step: string): string | undefined {
  if (errno === errnos.EFBIG) return `the kernel's answers are longer than ${limits.bytes} bytes`;
  if (errno === errnos.ETIMEDOUT) return `the kernel did not answer in ${limits.milliseconds} ms`;
  if (errno === errnos.EPERM && step === 'setns') {
    return joiningMissing();
  }
  if (errno === errnos.EAFNOSUPPORT) {
    return 'no netlink socket may be opened here, as where RestrictAddressFamilies= of systemd leaves AF_NETLINK out';
  }
  return errno === errnos.ENOENT
    ? 'the kernel lacks tcp_diag, udp_diag or unix_diag: modprobe'
    : undefined;
}

function encode(request: Request): Uint8Array {
  const bytes = new Uint8Array(headerSize + request.size);
  const header = new DataView(bytes.buffer);
  header.setUint32(0, bytes.length, littleEndian);
  header.setUint16(4, request.type, littleEndian);
  header.setUint16(6, flags, littleEndian);
  request.fill?.(new DataView(bytes.buffer, headerSize));
  return bytes;
}

/** @internal */
export function bodies(answer: Uint8Array, least: number): DataView[] {
  const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
  const list: DataView[] = [];
  for (let at = 0; at + headerSize <= view.byteLength; ) {
    const size = view.getUint32(at, littleEndian);
    if (size < headerSize + least || size > view.byteLength - at) throw malformed();
    if (!done.includes(view.getUint16(at + 4, littleEndian))) {
      list.push(new DataView(answer.buffer, view.byteOffset + at + headerSize, size - headerSize));
    }
    at += align(size);
  }
  return list;
}

/** The kernel does not write such: what came is not believed in part either. */
function malformed(): Error {
  return failure(errnos.EPROTO, 'recv', { type: 'net', advice: 'this is no answer to that' });
}

/** The attributes (rtnetlink(7)) of a message, or within another attribute, from `start` on. */
export function attributes(body: DataView, start: number): Map<number, DataView> {
  const found = new Map<number, DataView>();
  for (let at = start; at + 4 <= body.byteLength; ) {
    const size = body.getUint16(at, littleEndian);
    if (size < 4 || size > body.byteLength - at) throw malformed();
    const type = body.getUint16(at + 2, littleEndian) & 0x3fff; // NLA_TYPE_MASK
    found.set(type, new DataView(body.buffer, body.byteOffset + at + 4, size - 4));
    at += align(size);
  }
  return found;
}

function align(size: number): number {
  return (size + 3) & ~3;
}

export function bytesOf(view: DataView): Buffer {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}

/** A text as the kernel has it, with a zero byte at its end. */
export function textOf(view: DataView | undefined): string | undefined {
  return view && bytesOf(view).toString().replace(/\0+$/, '');
}

/** An attribute, or the field at `at` of one; undefined where it is not there, or too short. */
export function numberOf(view: DataView | undefined, at = 0): number | undefined {
  return view && view.byteLength >= at + 4 ? view.getUint32(at, littleEndian) : undefined;
}

export function byteOf(view: DataView | undefined): number | undefined {
  return view && view.byteLength >= 1 ? view.getUint8(0) : undefined;
}

export function bigNumberOf(view: DataView | undefined, at: number): bigint | undefined {
  return view && view.byteLength >= at + 8 ? view.getBigUint64(at, littleEndian) : undefined;
}

/** RTM_GETLINK, with struct ifinfomsg: every interface. */
export const getLink: Request = { protocol: protocols.route, type: 18, size: 16, answerSize: 16 };
/** Where in an answer to it the attributes begin. */
export const linkSize = 16;

export function linkName(body: DataView): [index: number, name: string] {
  const name = textOf(attributes(body, linkSize).get(3)) ?? ''; // IFLA_IFNAME
  return [body.getInt32(4, littleEndian), name];
}
