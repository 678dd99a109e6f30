/** `linux-namespaces ps`: the containers of all engines. */
import type { Container, Containers } from '../containers/container.ts';
import { findContainer } from '../containers/find.ts';
import { type Options, readArguments } from './arguments.ts';
import { filterOf } from './container-filter.ts';
import { addressesOf } from './container-networks.ts';
import { portText } from './container-sockets.ts';
import { containersHere, nameOf, sayUnseen } from './containers-here.ts';
import { print } from './output.ts';
import { type Column, columnNamed, localTime, printJson, printTable, style } from './table.ts';

export const usage = `linux-namespaces ps [option...] [NAME...]

Lists the containers of Docker, Podman, CRI-O, containerd, Kubernetes, LXC,
systemd-nspawn, runc and crun, by name; or these alone.

  -a, --all          those that do not run, too
  -f, --filter K=V   only those with this engine, id, label, name or state (status);
                     label=NAME: with any value. Of several for one key any holds,
                     of labels all. With state, as with -a
      --root DIR     the root directory of the host, where that is not ours
  -o, --output LIST  these columns: engine,id,name,state,pid,started,address,
                     ports,image,command
  -J, --json         all that is known of each
  -q, --quiet        only the ids
  -n, --noheadings   -u, --notruncate

  linux-namespaces ps -a
  linux-namespaces ps --filter label=com.docker.compose.project=shop
  linux-namespaces ps -n -o pid web`;

const options = {
  all: { short: 'a' },
  filter: { short: 'f', value: true, many: true },
  root: { value: true },
  output: { short: 'o', value: true },
  json: { short: 'J' },
  quiet: { short: 'q' },
  noheadings: { short: 'n' },
  notruncate: { short: 'u' },
} as const satisfies Options;

export async function main(args: readonly string[]): Promise<void> {
  const { given, rest } = readArguments(args, options, true);
  const filter = filterOf(given.filter ?? []);
  const columns = columnsOf(given.notruncate === true);
  const chosen = given.output?.split(',').map(name => columnNamed(columns, name)) ?? columns;
  const { found, problems } =
    rest.length > 0 ? await named(rest, given.root) : await listed(given.root);
  const showsAll = given.all || filter.byState || rest.length > 0;
  const containers = found.filter(
    container => filter.matches(container) && (showsAll || isRunning(container)),
  );
  sayUnseen(problems, containers.length === 0);
  if (given.quiet) {
    for (const { id } of containers) print(given.notruncate ? id : id.slice(0, 12));
    return;
  }
  const isAsked = given.json || chosen.some(({ name }) => name === 'ADDRESS');
  const addresses = isAsked ? await addressesOf(containers) : () => [];
  const rows = containers.map(container => ({ ...container, addresses: addresses(container) }));
  if (given.json) return printJson(rows);
  printTable(
    rows,
    chosen,
    { headings: !given.noheadings, cut: !given.notruncate },
    (line, { pid }) => (pid === undefined ? style('dim', line) : line),
  );
}

interface Found {
  readonly found: readonly Container[];
  readonly problems: Containers['problems'];
}

async function listed(root: string | undefined): Promise<Found> {
  const found = await containersHere(root);
  return { found, problems: found.problems };
}

async function named(names: readonly string[], root: string | undefined): Promise<Found> {
  const found: Container[] = [];
  for (const name of names) found.push(await findContainer(name, { root }));
  return { found, problems: [] };
}

/** What runs in a kernel of its own, or may run, has no pid. */
function isRunning({ pid, state }: Container): boolean {
  return pid !== undefined || ['running', 'paused', 'unknown'].includes(state);
}

type Row = Container & { readonly addresses: readonly string[] };

function columnsOf(whole: boolean): Column<Row>[] {
  return [
    { name: 'ENGINE', of: row => row.engine },
    { name: 'ID', of: ({ id }) => (whole ? id : id.slice(0, 12)) },
    { name: 'NAME', of: nameOf, shrinks: true },
    { name: 'STATE', of: row => row.state },
    { name: 'PID', of: row => row.pid, right: true },
    { name: 'STARTED', of: ({ started }) => started && localTime(started) },
    { name: 'ADDRESS', of: ({ addresses }) => addresses.join(','), shrinks: true },
    { name: 'PORTS', of: ({ ports = [] }) => ports.map(portText).join(','), shrinks: true },
    { name: 'IMAGE', of: row => row.image, shrinks: true },
    { name: 'COMMAND', of: ({ command = [] }) => command.join(' '), shrinks: true },
  ];
}
