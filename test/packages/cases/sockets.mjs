/** Connections that stay: WebSocket, Socket.IO, SSH. */
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { Server } from 'socket.io';
import { io } from 'socket.io-client';
import ssh from 'ssh2';
import { WebSocket, WebSocketServer } from 'ws';
import { host, listen } from '../servers.mjs';

export default {
  ws: {
    async serve(side) {
      const server = new WebSocketServer({ host, port: 8080 });
      server.on('connection', socket => socket.on('message', () => socket.send(side.name)));
      await once(server, 'listening');
      return () => {
        for (const client of server.clients) client.terminate();
        server.close();
      };
    },
    async ask() {
      const socket = new WebSocket(`ws://${host}:8080`);
      await once(socket, 'open');
      socket.send('?');
      const [data] = await once(socket, 'message');
      socket.close();
      await once(socket, 'close');
      return String(data);
    },
  },
  'socket.io': {
    async serve(side) {
      const server = http.createServer();
      const sockets = new Server(server);
      sockets.on('connection', socket => socket.on('ask', done => done(side.name)));
      await listen(server, 8080);
      return () => new Promise(resolve => sockets.close(resolve));
    },
    async ask() {
      const socket = io(`http://${host}:8080`, { forceNew: true, reconnection: false });
      await new Promise((resolve, reject) =>
        socket.on('connect', resolve).on('connect_error', reject),
      );
      const answer = await socket.emitWithAck('ask');
      socket.disconnect();
      return answer;
    },
  },
  ssh2: {
    async serve(side) {
      const { privateKey } = generateKeyPairSync('rsa', {
        modulusLength: 2048,
        privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
        publicKeyEncoding: { type: 'spki', format: 'pem' },
      });
      const server = new ssh.Server({ hostKeys: [privateKey] }, client => {
        client.on('authentication', ask => ask.accept());
        client.on('error', () => {});
        client.on('session', accept =>
          accept().on('exec', accept => {
            const stream = accept();
            stream.write(side.name);
            stream.exit(0);
            stream.end();
          }),
        );
      });
      return listen(server, 2222);
    },
    async ask() {
      const client = new ssh.Client();
      client.connect({ host, port: 2222, username: 'test', password: 'test' });
      await once(client, 'ready');
      const stream = await new Promise((resolve, reject) =>
        client.exec('?', (error, stream) => (error ? reject(error) : resolve(stream))),
      );
      let text = '';
      stream.on('data', data => {
        text += data;
      });
      await once(stream, 'close');
      client.end();
      await once(client, 'close');
      return text;
    },
  },
};
