/** Brokers and remote calls. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import grpc from '@grpc/grpc-js';
import amqp from 'amqplib';
import mqtt from 'mqtt';
import { connect } from 'nats';
import { host, start } from '../servers.mjs';

function rabbit(side) {
  const env = {
    ...process.env,
    HOME: side.dir,
    RABBITMQ_NODENAME: `${side.name}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: host,
    RABBITMQ_MNESIA_BASE: join(side.dir, 'mnesia'),
    RABBITMQ_LOG_BASE: side.dir,
    RABBITMQ_PID_FILE: join(side.dir, 'pid'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(side.dir, 'plugins'),
    RABBITMQ_CONFIG_FILE: join(side.dir, 'none'),
    ERL_EPMD_ADDRESS: host,
    LANG: 'C.UTF-8',
  };
  return start('/usr/lib/rabbitmq/bin/rabbitmq-server', [], 5672, { env });
}

const service = {
  ask: {
    path: '/test.Test/Ask',
    requestStream: false,
    responseStream: false,
    requestSerialize: text => Buffer.from(text),
    requestDeserialize: String,
    responseSerialize: text => Buffer.from(text),
    responseDeserialize: String,
  },
};
const Client = grpc.makeGenericClientConstructor(service, 'Test');

export default {
  mqtt: {
    needs: ['mosquitto'],
    serve(side) {
      const file = join(side.dir, 'conf');
      writeFileSync(file, `listener 1883 ${host}\nallow_anonymous true\nuser root\n`);
      return start('mosquitto', ['-c', file], 1883);
    },
    async ask(side, round) {
      const client = await mqtt.connectAsync(`mqtt://${host}:1883`);
      if (round === 0) await client.publishAsync('name', side.name, { retain: true, qos: 1 });
      const message = once(client, 'message');
      await client.subscribeAsync('name');
      const [, text] = await message;
      await client.endAsync();
      return String(text);
    },
  },
  nats: {
    needs: ['nats-server'],
    serve: side => start('nats-server', ['-a', host, '-p', '4222', '-n', side.name], 4222),
    async ask() {
      const client = await connect({ servers: `${host}:4222` });
      const { server_name } = client.info;
      await client.close();
      return server_name;
    },
  },
  amqplib: {
    needs: ['rabbitmq-server'],
    serve: rabbit,
    async ask() {
      const client = await amqp.connect(`amqp://${host}:5672`);
      const { cluster_name } = client.connection.serverProperties;
      const channel = await client.createChannel();
      const { queue } = await channel.assertQueue('', { exclusive: true });
      channel.sendToQueue(queue, Buffer.from(cluster_name));
      const text = await new Promise(resolve =>
        channel.consume(queue, message => resolve(message.content.toString()), { noAck: true }),
      );
      await client.close();
      return text.split('@')[0];
    },
  },
  '@grpc/grpc-js': {
    async serve(side) {
      const server = new grpc.Server();
      server.addService(service, { ask: (_call, done) => done(null, side.name) });
      await new Promise((resolve, reject) =>
        server.bindAsync(`${host}:50051`, grpc.ServerCredentials.createInsecure(), error =>
          error ? reject(error) : resolve(),
        ),
      );
      return () => server.forceShutdown();
    },
    async ask() {
      // Without this option, clients of the same address share their connections.
      const options = { 'grpc.use_local_subchannel_pool': 1 };
      const client = new Client(`${host}:50051`, grpc.credentials.createInsecure(), options);
      const answer = await new Promise((resolve, reject) =>
        client.ask('?', (error, text) => (error ? reject(error) : resolve(text))),
      );
      client.close();
      return answer;
    },
  },
};
