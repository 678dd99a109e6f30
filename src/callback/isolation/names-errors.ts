/** The errors of a lookup, with the fields and names that Node gives them. */
import { builtin } from '../../base/lazy-builtins.ts';

const { getSystemErrorName } = builtin('node:util')();

/** EAI_* of the C library: our number for it, as in uv.h, and its name. glibc's numbers and musl's agree. */
const names: Readonly<Record<number, readonly [errno: number, code: string]>> = {
  [-1]: [-3002, 'EAI_BADFLAGS'],
  [-2]: [-3008, 'ENOTFOUND'],
  [-3]: [-3001, 'EAI_AGAIN'],
  [-4]: [-3004, 'EAI_FAIL'],
  [-5]: [-3007, 'ENOTFOUND'],
  [-6]: [-3005, 'EAI_FAMILY'],
  [-7]: [-3010, 'EAI_SOCKTYPE'],
  [-8]: [-3009, 'EAI_SERVICE'],
  [-9]: [-3000, 'EAI_ADDRFAMILY'],
  [-10]: [-3006, 'EAI_MEMORY'],
  [-12]: [-3009, 'EAI_OVERFLOW'],
};

export function lookupError(
  syscall: 'getaddrinfo' | 'getnameinfo',
  answer: { error: number; system: number },
  hostname: string,
): Error {
  const [errno, code] =
    answer.error === 1
      ? [-answer.system, getSystemErrorName(-answer.system)]
      : (names[answer.error] ?? [-3004, 'EAI_FAIL']);
  return Object.assign(new Error(`${syscall} ${code} ${hostname}`), {
    errno,
    code,
    syscall,
    hostname,
  });
}
