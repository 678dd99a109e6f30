/** A synchronous callback, by handle and by pid: C doing the same system calls is the floor. */
import { openNamespaces, withNamespaces } from 'linux-namespaces';
import { floor, interleave, perCall, row, us, withTarget } from './measure.mjs';

const calls = 5_000;
const rounds = 41;
const nothing = () => {};

export default () =>
  withTarget(async pid => {
    const path = `/proc/${pid}/ns/net`;
    const handle = openNamespaces(pid, ['net']);
    const byHandle = await interleave(rounds, {
      with: () => perCall(() => withNamespaces(handle, ['net'], nothing), calls),
      floor: () => floor('switch', calls, path),
      run: () => perCall(() => handle.run(nothing), calls),
    });
    handle.close();
    const byPid = await interleave(rounds, {
      with: () => perCall(() => withNamespaces(pid, ['net'], nothing), calls / 2),
      floor: () => floor('open', calls / 2, path),
    });
    const line = (what, measured, name, most) => {
      const ratio = measured.ratio(name, 'floor');
      return row(what, us(measured[name]), us(measured.floor), ratio, `<= ${most}`, ratio <= most);
    };
    return [
      line("withNamespaces(handle, ['net'], fn)", byHandle, 'with', 1.3),
      line('handle.run(fn)', byHandle, 'run', 1.3),
      line("withNamespaces(pid, ['net'], fn)", byPid, 'with', 2),
    ];
  });
