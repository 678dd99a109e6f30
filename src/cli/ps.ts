/** `linux-namespaces ps`: the containers of all engines. */
import type { Container, ContainerOptions, Containers } from '../containers/container.ts';
import { nameOf } from '../containers/container-names.ts';
import { readArguments } from './arguments.ts';
import { bytesText } from './bytes-text.ts';
import { filterOf } from './container-filter.ts';
import { addressesOf } from './container-networks.ts';
import { portText } from './container-sockets.ts';
import { containersHere } from './containers-here.ts';
import { type LayerSize, layerSizes } from './layer-size.ts';
import { lookupOf, lookupOptions } from './lookup.ts';
import { print } from './output.ts';
import type { Context } from './subcommand.ts';
import {
  type Column,
  columnNamed,
  localTime,
  printJson,
  printTable,
  style,
  tableOptions,
} from './table.ts';
import { containerNamed } from './target-argument.ts';
import { sayUnseen } from './unseen.ts';
import type { Described, Usage } from './usage.ts';

const options = {
  all: { short: 'a', equals: true, about: 'those that do not run, too' },
  filter: {
    short: 'f',
    value: true,
    equals: true,
    many: true,
    placeholder: 'KEY=VALUE',
    about:
      'only those with this engine, id, label, name or state (status); label=NAME: with any value. Of several for one key any holds, of labels all. With state, as with -a',
  },
  output: {
    short: 'o',
    value: true,
    placeholder: 'LIST',
    about:
      'these columns, with commas: ENGINE ID NAME STATE PID STARTED SIZE ADDRESS PORTS ROOTFS IMAGE COMMAND',
  },
  size: {
    short: 's',
    equals: true,
    about: 'with SIZE, how much each has written to files of its own',
  },
  json: { short: 'J', about: 'all that is known of each, as JSON' },
  quiet: { short: 'q', equals: true, about: 'only the ids' },
  ...tableOptions,
  ...lookupOptions,
} as const satisfies Described;

export const usage: Usage = {
  lines: ['[option...] [NAME...]'],
  about: [
    'Lists the containers of Docker, Podman, CRI-O, containerd, Kubernetes, LXC, systemd-nspawn, runc and crun, by name; or these alone.',
  ],
  options,
  examples: [
    ['linux-namespaces ps -a', 'those that do not run, too'],
    [
      'linux-namespaces ps --filter label=com.docker.compose.project=shop',
      'those of a project of Compose',
    ],
    ['linux-namespaces ps -n -o pid web', 'the pid alone'],
    ['linux-namespaces ps -o pid,name,rootfs', 'where the files of each are on this machine'],
  ],
};

export async function main(args: readonly string[], { lookup }: Context): Promise<void> {
  const { given, rest } = readArguments(args, options, true);
  const filter = filterOf(given.filter ?? []);
  const columns = columnsOf(given.notruncate === true);
  const chosen =
    given.output?.split(',').map(name => asked(columnNamed(columns, name))) ??
    columns.filter(({ name }) => name !== 'ROOTFS' && (given.size || name !== 'SIZE'));
  const where = lookupOf(lookup, given);
  const { found, problems } = rest.length > 0 ? await named(rest, where) : await listed(where);
  const showsAll = given.all || filter.byState || rest.length > 0;
  const containers = found.filter(
    container => filter.matches(container) && (showsAll || isRunning(container)),
  );
  sayUnseen({ problems }, containers.length === 0);
  if (given.quiet) {
    for (const { id } of containers) print(given.notruncate ? id : id.slice(0, 12));
    return;
  }
  const isAsked = given.json || chosen.some(({ name }) => name === 'ADDRESS');
  const addresses = isAsked ? await addressesOf(containers) : () => [];
  const isSized = given.size || (!given.json && chosen.some(({ name }) => name === 'SIZE'));
  const sizes = isSized ? layerSizes(containers) : [];
  const rows = containers.map((container, i) => {
    return { ...container, addresses: addresses(container), layer: sizes[i] };
  });
  if (given.json) return printJson(rows.map(asJson));
  printTable(rows, chosen, given, (line, { pid }) =>
    pid === undefined ? style('dim', line) : line,
  );
}

interface Found {
  readonly found: readonly Container[];
  readonly problems: Containers['problems'];
}

async function listed(where: ContainerOptions): Promise<Found> {
  const found = await containersHere(where);
  return { found, problems: found.problems };
}

async function named(names: readonly string[], where: ContainerOptions): Promise<Found> {
  const found: Container[] = [];
  for (const name of names) found.push(await containerNamed(name, where));
  return { found, problems: [] };
}

/** What runs in a kernel of its own, may run, or is started again and again, as with docker, may have no pid. */
function isRunning({ pid, state }: Container): boolean {
  return pid !== undefined || ['running', 'paused', 'restarting', 'unknown'].includes(state);
}

/** `size` only where it is known. */
function asJson({ layer, ...row }: Row): object {
  return layer?.isWhole ? { ...row, size: layer.bytes } : row;
}

/** What was asked for is shown. */
function asked(column: Column<Row>): Column<Row> {
  return { ...column, spare: 0 };
}

type Row = Container & {
  readonly addresses: readonly string[] | undefined;
  readonly layer: LayerSize | undefined;
};

function columnsOf(whole: boolean): Column<Row>[] {
  return [
    { name: 'ENGINE', of: row => row.engine },
    { name: 'ID', of: ({ id }) => (whole ? id : id.slice(0, 12)) },
    { name: 'NAME', of: nameOf, shrinks: true },
    { name: 'STATE', of: row => row.state },
    { name: 'PID', of: row => row.pid, right: true },
    { name: 'STARTED', of: ({ started }) => started && localTime(started), spare: 1 },
    // Before what is cut at the edge of a narrow terminal.
    { name: 'SIZE', of: ({ layer }) => layer && sizeText(layer), right: true },
    { name: 'ADDRESS', of: ({ addresses }) => addresses?.join(','), shrinks: 15 },
    { name: 'PORTS', of: ({ ports = [] }) => ports.map(portText).join(','), shrinks: 12 },
    { name: 'ROOTFS', of: ({ rootfs }) => rootfs },
    { name: 'IMAGE', of: row => row.image, shrinks: true, spare: 2 },
    { name: 'COMMAND', of: ({ command = [] }) => command.join(' '), shrinks: true, spare: 3 },
  ];
}

function sizeText({ bytes, isWhole }: LayerSize): string {
  return `${isWhole ? '' : '>'}${bytesText(bytes)}`;
}
