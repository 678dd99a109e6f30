// The language of `ls --filter`: scols-filter(5), and what is no expression of it.
import { expect, test } from 'vitest';
import { UsageError } from '../../../src/cli/arguments.ts';
import { filterOf, type Kind, type Value } from '../../../src/cli/filter.ts';

const kinds: Record<string, Kind> = { PID: 'number', ID: 'number', TYPE: 'text', NSFS: 'text' };
const row: Record<string, Value> = { PID: 1234, ID: 12345678901234567890n, TYPE: 'net' };
const holds = (text: string) =>
  filterOf<typeof row>(
    text,
    name => kinds[name],
    (name, row) => row[name],
  )(row);

test.each([
  'PID == 1234',
  'PID eq 1234',
  'PID EQ 1234',
  'PID==1234',
  '1234 == PID',
  'PID != 5',
  'PID > 1K',
  'PID >= 1KiB',
  'PID < 1M',
  'PID <= 1234.5',
  'PID > 1233.5 && PID lt 1234.5',
  'PID == "1234"',
  'ID > 5',
  'ID == 12345678901234567890',
  'ID == "12345678901234567890"',
  'ID != 12345678901234567891',
  'TYPE == "net"',
  "TYPE == 'net'",
  'TYPE == " net "',
  'TYPE > "mnt"',
  'TYPE =~ "^n.t$"',
  'TYPE =~ "^(net|mnt)$"',
  'TYPE =~ "^[[:lower:]]+$"',
  'TYPE !~ "^u"',
  'TYPE',
  'PID',
  'NOT NSFS',
  '!NSFS',
  'NSFS !~ "x"',
  'NSFS != "x"',
  'NSFS < "x"',
  'true',
  'not false',
  'PID == 5 or TYPE == "net"',
  'PID == 1234 and (TYPE == "uts" or TYPE == "net")',
  // and and or bind alike
  'true or true and false or true',
  '!(PID == 5) and !(TYPE == "uts")',
  '\n PID\t== 1234 \n',
])('%s holds', text => {
  expect(holds(text)).toBe(true);
});

test.each([
  'PID == 5',
  'PID > 1234',
  'PID == "abc"',
  'TYPE == "Net"',
  'TYPE =~ "^u"',
  'TYPE !~ "n"',
  'NSFS',
  'NSFS == ""',
  'NSFS =~ ""',
  'false',
  '0',
  'true or true and false',
  'not (PID == 1234)',
  'PID == 1234 and TYPE == "uts"',
])('%s does not hold', text => {
  expect(holds(text)).toBe(false);
});

test.each([
  ['', 'the end is not expected there'],
  ['PID ==', 'the end is not expected there'],
  ['== 5', '== is not expected there'],
  ['PID == 5 6', '6 is not expected there'],
  ['(PID == 5', 'the end is not expected there'],
  ['PID == 5)', ') is not expected there'],
  ['PID & 5', '& 5 is not understood'],
  ['PID == "x', '"x is not understood'],
  ['FOO == 5', 'no column FOO'],
  ['PID = 5', '= 5 is not understood'],
  ['TYPE =~ TYPE', 'TYPE'],
  ['TYPE =~ "("', '( is no regular expression'],
  ['TYPE =~ 5', '5'],
  [`PID == ${'1'.repeat(1020)}`, 'longer than 1024'],
])('%s: refused', (text, message) => {
  expect(() => holds(text)).toThrow(UsageError);
  expect(() => holds(text)).toThrow(message);
});
