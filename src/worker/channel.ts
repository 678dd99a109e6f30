/**
 * The pipes of a worker, and no socket among them: through one, file descriptors can be sent whose
 * closing waits in their reader (SO_LINGER). Made before the process, so that too few descriptors are
 * one error, and there is nothing to clean up.
 */
import type { Socket } from 'node:net';
import { binding } from '../base/binding.ts';
import { errnos } from '../base/errnos.ts';
import { failure } from '../base/errors.ts';
import { builtin } from '../base/lazy-builtins.ts';
import type { Reading } from './output.ts';

const net = builtin('node:net');

export class Channel {
  /** What is executed gets them at 0 to 4. stdin has an end, and nothing before it. */
  readonly theirs: readonly number[];
  readonly stdout: Reading;
  readonly stderr: Reading;
  /** What it answers. */
  readonly answers: Reading;
  /** Where it is asked. */
  readonly requests: Socket;

  /** Throws a NamespaceError. */
  constructor() {
    const open: number[] = [];
    const pipe = () => {
      const ends = binding.pipe();
      if (typeof ends === 'number') {
        for (const fd of open) binding.close(fd);
        throw failure(ends, 'pipe2');
      }
      open.push(...ends);
      return ends;
    };
    const [stdin, stdout, stderr, answers, requests] = [pipe(), pipe(), pipe(), pipe(), pipe()];
    binding.close(stdin[1]);
    this.theirs = [stdin[0], stdout[1], stderr[1], answers[1], requests[0]];
    const ours = [stdout[0], stderr[0], answers[0], requests[1]];
    const made: Socket[] = [];
    try {
      for (const fd of ours) made.push(socket(fd, fd !== requests[1]));
    } catch {
      for (const one of made) one.destroy();
      for (const fd of [...ours.slice(made.length), ...this.theirs]) binding.close(fd);
      throw failure(errnos.ENOMEM, 'fstat'); // nothing else keeps Node from knowing that it is a pipe
    }
    const [out, err, answering, asking] = made as [Socket, Socket, Socket, Socket];
    this.stdout = { fd: stdout[0], socket: out };
    this.stderr = { fd: stderr[0], socket: err };
    this.answers = { fd: answers[0], socket: answering };
    this.requests = asking;
  }

  /** The process has them, or there is none. */
  closeTheirs(): void {
    for (const fd of this.theirs) binding.close(fd);
  }

  /** No more can be said or heard, but for stdout and stderr. */
  close(): void {
    this.answers.socket.destroy();
    this.requests.destroy();
  }

  destroy(): void {
    this.close();
    this.stdout.socket.destroy();
    this.stderr.socket.destroy();
  }
}

function socket(fd: number, readable: boolean): Socket {
  const made = new (net().Socket)({ fd, readable, writable: !readable });
  binding.letGo(fd);
  return made;
}
