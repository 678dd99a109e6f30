// ps --filter, as docker ps has it.
import { expect, test } from 'vitest';
import { filterOf } from '../../../src/cli/container-filter.ts';
import type { Container } from '../../../src/containers/container.ts';

const some = (name: string, more: Partial<Container>): Container =>
  ({
    ...{ engine: 'docker', id: `${name}0123456789`, name, state: 'running', labels: undefined },
    knownAs: [{ engine: more.engine ?? 'docker', id: name }],
    ...more,
  }) as Container;

const all = [
  some('web', { labels: { tier: 'front', empty: '' } }),
  some('web2', { labels: { tier: 'front', zone: 'a=b' }, state: 'exited' }),
  some('db', { engine: 'podman', labels: { tier: 'back' } }),
  some('bare', { engine: 'containerd' }),
];

test.each([
  [[], 'web web2 db bare'],
  [['name=web'], 'web web2'],
  [['name=web2', 'name=db'], 'web2 db'],
  [['name=^web$'], 'web'],
  [['name=^/(web|db)$'], 'web db'],
  [['name=/web'], 'web web2'],
  [['name=b$'], 'web db'],
  [['name=web', 'name=db', 'state=running'], 'web db'],
  [['status=exited'], 'web2'],
  [['engine=podman'], 'db'],
  [['engine=podman', 'engine=containerd'], 'db bare'],
  [['label=tier'], 'web web2 db'],
  [['label=tier=front'], 'web web2'],
  [['label=tier=front', 'label=zone=a=b'], 'web2'],
  [['label=empty='], 'web'],
  [['label=toString'], ''],
  [['id=db0'], 'db'],
])('%j', (given, names) => {
  const { matches } = filterOf(given);
  expect(
    all
      .filter(matches)
      .map(({ name }) => name)
      .join(' '),
  ).toBe(names);
});

test.each(['web', 'colour=red', 'toString=x', 'state=up', 'name=(', ''])('refused: %j', text => {
  expect(() => filterOf([text])).toThrow(/--filter is KEY=VALUE|no state up|no regular expression/);
});

test('a state asks for those that do not run, too', () => {
  expect(filterOf(['status=exited']).byState).toBe(true);
  expect(filterOf(['name=x']).byState).toBe(false);
});
