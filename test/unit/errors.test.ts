import {
  createNamespaces,
  evaluate,
  listNamespaces,
  openNamespaces,
  processTree,
  spawn,
} from 'linux-namespaces';
import { expect, test } from 'vitest';
import {
  checkFunction,
  checkTypes,
  failure,
  invalidType,
  invalidValue,
  NamespaceError,
  refusal,
} from '../../src/base/errors.ts';

const caught = (fn: () => unknown) => {
  try {
    fn();
  } catch (error) {
    return error as Error & { code: string };
  }
  throw new Error('it did not throw');
};

test('a failed call has the fields that Node gives to one, and its target', () => {
  const error = failure(-1, 'setns', { type: 'net', target: '/run/netns/blue' });
  expect(error).toBeInstanceOf(NamespaceError);
  expect({ ...error }).toEqual({
    code: 'EPERM',
    errno: -1,
    syscall: 'setns',
    type: 'net',
    target: '/run/netns/blue',
    advice: undefined,
  });
  expect(error.name).toBe('NamespaceError');
  expect(error.stack).toMatch(/^NamespaceError: /);
});

test('its message names type, target, call, error and advice, in one line', () => {
  expect(failure(-2, 'open', { type: 'uts', target: '/x', advice: 'look there' }).message).toBe(
    'uts of /x: open ENOENT, no such file or directory; look there',
  );
  expect(failure(-3, 'ioctl', { type: 'net', target: 7 }).message).toBe(
    'net of pid 7: ioctl ESRCH, no such process',
  );
  expect(failure(-28, 'unshare').message).toBe('unshare ENOSPC, no space left on device');
});

test('advice is a field, as the message has it', () => {
  expect(failure(-2, 'open', { advice: 'look\x1b there' }).advice).toBe('look\\x1b there');
  expect(failure(-2, 'open').advice).toBeUndefined();
  expect(refusal(['pid'], 'cannot be', { advice: 'use that' }).advice).toBe('use that');
});

test('an error number that Node does not know is still an error', () => {
  const error = failure(-4000, 'setns');
  expect(error.errno).toBe(-4000);
  expect(error.message).toContain('errno 4000');
});

test('a refusal names all types, and carries the first', () => {
  const error = refusal(['pid', 'mnt'], 'cannot be', { advice: 'use that' });
  expect(error.message).toBe('pid, mnt: cannot be; use that');
  expect(error).toMatchObject({ code: 'ENOTSUP', type: 'pid', syscall: 'setns' });
});

test('a wrong argument is a TypeError with the code that Node uses', () => {
  for (const [error, code] of [
    [invalidType('fn', 'a function', 1), 'ERR_INVALID_ARG_TYPE'],
    [invalidValue('pid', 'positive', 0), 'ERR_INVALID_ARG_VALUE'],
  ] as const) {
    expect(error).toBeInstanceOf(TypeError);
    expect(error).not.toBeInstanceOf(NamespaceError);
    expect(error).toMatchObject({ code });
  }
  expect(invalidType('fn', 'a function', 1).message).toBe('"fn" must be a function. Received 1');
});

test('what was received is shown on one line, and cut', () => {
  const { message } = invalidType('fn', 'a function', { list: Array(500).fill('long') });
  expect(message).not.toContain('\n');
  expect(message.length).toBeLessThan(150);
});

test('types are accepted as a list or as "all"', () => {
  expect(checkTypes('all')).toBe('all');
  const given = ['net', 'uts'];
  const checked = checkTypes(given);
  expect(checked).toEqual(given);
  expect(checked).not.toBe(given);
});

test.each([
  [undefined, 'ERR_INVALID_ARG_TYPE'],
  [null, 'ERR_INVALID_ARG_TYPE'],
  ['net', 'ERR_INVALID_ARG_TYPE'],
  [{ 0: 'net', length: 1 }, 'ERR_INVALID_ARG_TYPE'],
  [[], 'ERR_INVALID_ARG_VALUE'],
  [['net', 'net'], 'ERR_INVALID_ARG_VALUE'],
  [['network'], 'ERR_INVALID_ARG_VALUE'],
  [['toString'], 'ERR_INVALID_ARG_VALUE'],
  [['__proto__'], 'ERR_INVALID_ARG_VALUE'],
  [[['net']], 'ERR_INVALID_ARG_VALUE'],
  [Array(2).fill('net', 1), 'ERR_INVALID_ARG_VALUE'],
  [[undefined], 'ERR_INVALID_ARG_VALUE'],
])('types: %j is refused with %s', (types, code) => {
  expect(caught(() => checkTypes(types)).code).toBe(code);
});

test('fn has to be a function', () => {
  expect(caught(() => checkFunction({})).code).toBe('ERR_INVALID_ARG_TYPE');
  checkFunction(class {});
});

const any = (value: unknown) => value as never;
test.each<[string, () => unknown]>([
  ['"options.unshare" must be an array of', () => spawn('x', { unshare: any('all') })],
  ['"options.unshare" must be made of', () => spawn('x', { unshare: [any('nett')] })],
  [
    '"options.namespaces" must be \'all\' or made of',
    () => spawn('x', { target: 1, namespaces: [any('nett')] }),
  ],
  [
    '"options.namespaces" must be \'all\' or an array of',
    () => spawn('x', { target: 1, namespaces: any(null) }),
  ],
  ['"types" must be at least one of', () => createNamespaces([])],
  ['"types" must be \'all\' or at least one of', () => openNamespaces(1, [])],
  ['"options.types" must be an array of', () => listNamespaces({ types: any('all') })],
  ['"target.unshare" must be an array of', () => evaluate({ unshare: any('all') }, 'all', () => 1)],
  ['"options.containers" must be', () => processTree(process.pid, { containers: [any(null)] })],
  ['"options.containers" must be', () => listNamespaces({ containers: Array(1) })],
])('%s: what is wrong has its own name', async (message, call) => {
  const error = await Promise.resolve()
    .then(call)
    .then(
      () => undefined,
      reason => reason,
    );
  expect(error).toBeInstanceOf(TypeError);
  expect(error.message).toContain(message);
});
