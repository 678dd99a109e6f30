/**
 * For http.mjs: keeps a server busy over connections that stay open, and tells its parent how many
 * requests a second were answered. Plain sockets, so that the server is the slower of the two.
 */
import net from 'node:net';

const port = Number(process.argv[2]);
const connections = 32;
const [warm, measured] = [300, 1500];
const request = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';

let answers = 0;
const sockets = Array.from({ length: connections }, () => {
  const socket = net.connect(port, '127.0.0.1', () => socket.write(request));
  // An answer is far smaller than a segment, and there is one at a time: each chunk is one.
  socket.on('data', () => {
    answers++;
    socket.write(request);
  });
  return socket;
});

setTimeout(() => {
  const [before, start] = [answers, process.hrtime.bigint()];
  setTimeout(() => {
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    process.send((answers - before) / seconds);
    for (const socket of sockets) socket.destroy();
    process.disconnect();
  }, measured);
}, warm);
