/**
 * The progress of a copy on the operator's terminal. This file alone knows the library for it, which is
 * loaded where something is to be shown, and not before.
 */
import { type Options, SingleBar } from 'cli-progress';
import { bytesText } from './bytes-text.ts';

export interface Progress {
  readonly bytes: number;
  /** Of a tree. */
  readonly files?: number;
}

export interface Bar {
  show(progress: Progress): void;
  /** How many bytes it will be, from when that is known. */
  expect(total: number): void;
  /** Leaves the line as it is, and goes to the next one; or, where it `says` nothing, takes it away. */
  stop(says?: boolean): void;
}

export function startBar(stream: NodeJS.WriteStream): Bar {
  let stays = true;
  const options: Options & { readonly terminal: object } = {
    terminal: lineOn(stream, () => stays),
    format: (options, { value, total, startTime, eta }, payload: Partial<Progress>) => {
      const seconds = Math.max(0.001, (Date.now() - startTime) / 1000);
      const state = { value, total, seconds, eta, files: payload.files };
      return lineOf(state, stream.columns || undefined, options);
    },
    linewrap: true, // stays as it is: the line fits
    barsize: 30,
  };
  const bar = new SingleBar(options);
  bar.start(0, 0, {});
  return {
    show: ({ bytes, files }) => bar.update(bytes, { files }),
    expect: total => bar.setTotal(total),
    stop(says = true) {
      stays = says;
      bar.stop();
    },
  };
}

/**
 * What the library may do to the terminal: write its line, and nothing that would have to be put back, such
 * as saved positions of the cursor, which are others when the screen has moved.
 */
function lineOn(stream: NodeJS.WriteStream, stays: () => boolean): object {
  const nothing = () => {};
  return {
    ...{ cursorSave: nothing, cursorRestore: nothing, cursor: nothing, lineWrapping: nothing },
    isTTY: () => true,
    getWidth: () => stream.columns,
    cursorTo: () => stream.cursorTo(0),
    write: (text: string) => stream.write(text),
    clearRight: () => stream.clearLine(1),
    newline() {
      if (stays()) {
        stream.write('\n');
      } else {
        stream.cursorTo(0);
        stream.clearLine(1);
      }
    },
  };
}

interface State {
  readonly value: number;
  /** 0 where it is not known. */
  readonly total: number;
  readonly seconds: number;
  readonly eta: number;
  readonly files: number | undefined;
}

/** Of these parts as many as fit, and the bar if it does, too. */
export function lineOf(state: State, columns = 80, { barsize = 30 }: Options = {}): string {
  const { value, total, seconds, eta, files } = state;
  const isKnown = total > 0 && value <= total;
  const left = isKnown && value < total && Number.isFinite(eta) ? [`${timeOf(eta)} left`] : [];
  const parts = [
    isKnown ? `${Math.floor((100 * value) / total)} %` : '',
    isKnown ? `${bytesText(value)} of ${bytesText(total)}` : bytesText(value),
    `${bytesText(value / seconds)}/s`,
    ...left,
    files === undefined || files < 2 ? '' : `${files} files`,
  ].filter(part => part !== '');
  while (parts.length > 1 && parts.join('  ').length >= columns) parts.pop();
  const text = parts.join('  ');
  if (!isKnown || text.length + barsize + 4 >= columns) return text.slice(0, columns - 1);
  const done = Math.round((barsize * value) / total);
  return `[${'='.repeat(done)}${' '.repeat(barsize - done)}]  ${text}`;
}

function timeOf(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${Math.floor(seconds % 60)} s` : `${Math.ceil(seconds)} s`;
}
