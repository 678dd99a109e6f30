/** systemd-nspawn: the machines that systemd-machined has registered, and their unit's cgroup. */
import { date, isId, pidIn, text } from './fields.ts';
import type { Reader } from './reader.ts';
import type { Entry, Sighting } from './sighting.ts';

export async function findMachines(reader: Reader, path: string): Promise<Entry[]> {
  // Links by the name of the unit (`unit:machine-web.scope`) are there, too.
  const ids = (await reader.names(path)).filter(isId);
  return ids.map(id => ({
    engine: 'nspawn',
    id,
    owner: 0,
    read: async () => {
      const file = await reader.text(`${path}/${id}`);
      const sighting = file && parse(reader, `${path}/${id}`, id, file);
      return sighting ? [sighting] : [];
    },
  }));
}

/** machine_save() of src/machine/machine.c: assignments of a shell. */
function parse(reader: Reader, path: string, id: string, file: string): Sighting | undefined {
  const values = new Map(
    file.split('\n').map(line => {
      const [, key = '', quoted, plain] = /^([A-Z_]+)=(?:"(.*)"|(.*))$/.exec(line) ?? [];
      return [key, unescaped(quoted ?? plain ?? '')] as const;
    }),
  );
  const of = (key: string) => text(values.get(key));
  // Virtual machines are registered there, too, and containers of libvirt.
  if (of('CLASS') !== 'container' || of('SERVICE') !== 'systemd-nspawn') return undefined;
  const microseconds = Number(of('REALTIME'));
  return {
    knownAs: { engine: 'nspawn', id },
    owner: 0,
    state: 'running',
    pid: pidIn(of('LEADER')),
    doubt: `there is no pid in ${path}`,
    cgroupName: of('SCOPE'),
    rootfs: reader.outside(of('ROOT')),
    started: date(microseconds / 1000),
    hasOwnMounts: true,
  };
}

/** cescape() of systemd has octal numbers for the bytes of what is not ASCII. */
function unescaped(value: string): string {
  const bytes = (octal: string) =>
    octal
      .slice(1)
      .split('\\')
      .map(one => Number.parseInt(one, 8));
  return value.replace(/((?:\\[0-7]{3})+)|\\(.)/g, (_, octal, one) =>
    octal === undefined ? one : Buffer.from(bytes(octal)).toString(),
  );
}
