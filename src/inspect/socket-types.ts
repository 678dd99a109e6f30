/** What `listSockets` gives. */
import type { Family } from './address.ts';

/** A process that has the socket open. */
export interface SocketProcess {
  /** As our /proc shows it. */
  readonly pid: number;
  /** In each pid namespace from that of our /proc down to its own: the last is the pid inside. */
  readonly pids: readonly number[];
  readonly fd: number;
  /** Its arguments joined by spaces. */
  readonly command: string;
}

/** In the words of ss(8). */
export type SocketState =
  | 'ESTAB'
  | 'SYN-SENT'
  | 'SYN-RECV'
  | 'FIN-WAIT-1'
  | 'FIN-WAIT-2'
  | 'TIME-WAIT'
  | 'UNCONN'
  | 'CLOSE-WAIT'
  | 'LAST-ACK'
  | 'LISTEN'
  | 'CLOSING';

interface AnySocket {
  readonly state: SocketState;
  /** 0 where no process has it open any more. */
  readonly inode: number;
  /** Of who made it. */
  readonly uid: number | undefined;
  /** Bytes that wait to be read; of a tcp or unix socket that listens, connections. */
  readonly receiveQueue: number;
  /** Bytes on their way; of a tcp or unix socket that listens, the most connections that may wait. */
  readonly sendQueue: number;
  readonly processes: readonly SocketProcess[];
}

export interface InternetSocket extends AnySocket {
  readonly protocol: 'tcp' | 'udp';
  readonly family: Family;
  /** `interface`: the one that the socket is bound to. */
  readonly local: {
    readonly address: string;
    readonly port: number;
    readonly interface: string | undefined;
  };
  readonly peer: { readonly address: string; readonly port: number };
  /** Of IPv6, where nobody is connected: whether it takes no IPv4. */
  readonly ipv6Only: boolean | undefined;
}

export interface UnixSocket extends AnySocket {
  readonly protocol: 'unix';
  readonly type: 'stream' | 'dgram' | 'seqpacket';
  /** `path`: an abstract name begins with `@`; undefined where it has no name. */
  readonly local: { readonly path: string | undefined };
  /** The inode of the socket that it is connected to. */
  readonly peer: { readonly inode: number } | undefined;
}

export type SocketInfo = InternetSocket | UnixSocket;

export interface SocketList extends Array<SocketInfo> {
  /**
   * How many processes of the machine could not be looked into, or not as a whole: theirs may be missing
   * in `processes`.
   */
  readonly unreadable: number;
}
