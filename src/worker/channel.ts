/**
 * The pipes of a worker, and no socket among them: through one, file descriptors can be sent whose
 * closing waits in their reader (SO_LINGER). Made before the process, so that too few descriptors are
 * one error, and there is nothing to clean up.
 */
import type { Socket } from 'node:net';
import { binding } from '../base/binding.ts';
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
    this.stdout = reading(stdout[0]);
    this.stderr = reading(stderr[0]);
    this.answers = reading(answers[0]);
    this.requests = socket(requests[1], false);
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

function reading(fd: number): Reading {
  return { fd, socket: socket(fd, true) };
}

function socket(fd: number, readable: boolean): Socket {
  binding.letGo(fd);
  return new (net().Socket)({ fd, readable, writable: !readable });
}
