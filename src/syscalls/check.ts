/** What the raw calls share: checks of arguments, and answers of ioctl(2). */
import { binding } from '../base/binding.ts';
import { checkTypeList, failure, invalidType, invalidValue } from '../base/errors.ts';
import { isType, kinds, type NamespaceType } from '../base/namespace-types.ts';

/** The caller's from now on: the addon does not close it with a Worker. */
export function given(fd: number): number {
  binding.letGo(fd);
  return fd;
}

export function ask(
  answer: number,
  type: NamespaceType | undefined,
  advice: Readonly<Record<number, string>>,
): number {
  if (answer < 0) throw failure(answer, 'ioctl', { type, advice: advice[answer] });
  return answer;
}

export function checkInteger(name: string, value: unknown): void {
  if (typeof value !== 'number') throw invalidType(name, 'a number', value);
  if ((value | 0) !== value) throw invalidValue(name, 'an integer of 32 bits', value);
}

const names = kinds.map(kind => kind.name).join(', ');

export function checkType(type: unknown): void {
  if (isType(type)) return;
  throw invalidValue('type', `one of ${names}`, type);
}

export function checkList(types: unknown): readonly NamespaceType[] {
  if (typeof types !== 'string') return checkTypeList(types);
  if (!isType(types)) throw invalidValue('types', `made of ${names}`, types);
  return [types];
}
