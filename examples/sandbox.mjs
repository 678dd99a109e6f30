// A sandbox without root: node examples/sandbox.mjs ROOTFS [program [args...]], as any user.
// ROOTFS is a directory with the files that the program needs, such as an unpacked image, and an
// empty directory `proc` in it.
import { spawn } from 'linux-namespaces';

const [root, program = 'ps', ...args] = process.argv.slice(2);
const sandbox = spawn(program, args, {
  unshare: ['user', 'pid', 'mnt', 'net', 'uts', 'ipc'],
  idMap: 'root', //           root in there is we out here
  root, //                    nothing else of our files can be reached
  mountProc: true, //         and of our processes
  hostname: 'sandbox',
  loopback: true, //          a network with nobody else in it
  killOnParentExit: true,
  env: { PATH: '/bin:/usr/bin' },
  stdio: 'inherit',
});
sandbox.on('exit', (code, signal) => {
  process.exitCode = code ?? 128;
  if (signal) console.error(`ended by ${signal}`);
});
