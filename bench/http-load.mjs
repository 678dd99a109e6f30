/**
 * For http.mjs: keeps a server busy over connections that stay open, and tells its parent twice how
 * many requests have been answered. Plain sockets, so that the server is the slower of the two.
 */
import net from 'node:net';

const port = Number(process.argv[2]);
const connections = 32;
const [warm, measured] = [600, 600];
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

setTimeout(() => process.send(answers), warm);
setTimeout(() => {
  process.send(answers);
  for (const socket of sockets) socket.destroy();
  process.disconnect();
}, warm + measured);
