/** Databases: real servers, each of which knows its side by its own settings. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Redis from 'ioredis';
import memjs from 'memjs';
import mysql from 'mysql2/promise';
import pg from 'pg';
import postgres from 'postgres';
import { createClient } from 'redis';
import { give, host, prepare, start } from '../servers.mjs';

const nobody = 65_534;

const redisServer = side =>
  start(
    'redis-server',
    ['--port', '6379', '--bind', host, '--dir', side.dir, '--dbfilename', side.name, '--save', ''],
    6379,
  );

async function postgresServer(side) {
  const versions = '/usr/lib/postgresql';
  const bin = join(versions, readdirSync(versions).at(-1), 'bin');
  const data = join(side.dir, 'data');
  const as = { uid: nobody, gid: nobody };
  give(side.dir, nobody, nobody);
  prepare(join(bin, 'initdb'), ['-D', data, '-A', 'trust', '-U', 'test', '-N', '--no-locale'], {
    ...as,
  });
  const settings = {
    cluster_name: side.name,
    unix_socket_directories: '',
    listen_addresses: host,
    fsync: 'off',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const options = { ...as, killSignal: 'SIGINT' };
  const stop = await start(join(bin, 'postgres'), ['-D', data, ...args], 5432, options);
  // It takes connections before it takes questions.
  const isReady = async () => {
    const client = new pg.Client(postgresUrl);
    client.on('error', () => {});
    try {
      await client.connect();
      await client.end();
      return true;
    } catch (error) {
      if (error.code !== '57P03') throw error; // cannot_connect_now
      return false;
    }
  };
  while (!(await isReady())) await sleep(50);
  return stop;
}

function mysqlServer(side) {
  const data = join(side.dir, 'data');
  give(side.dir, nobody, nobody);
  const as = { uid: nobody, gid: nobody };
  const common = [
    '--no-defaults',
    `--datadir=${data}`,
    `--tmpdir=${side.dir}`,
    '--innodb-log-file-size=4M',
    '--innodb-buffer-pool-size=16M',
  ];
  prepare(
    'mariadb-install-db',
    [...common, '--auth-root-authentication-method=normal', '--skip-test-db'],
    as,
  );
  const own = [
    `--bind-address=${host}`,
    `--report-host=${side.name}`,
    `--socket=${side.dir}/socket`,
    `--pid-file=${side.dir}/pid`,
  ];
  return start('mariadbd', [...common, ...own], 3306, as);
}

const postgresUrl = `postgres://test@${host}:5432/postgres`;

export default {
  redis: {
    needs: ['redis-server'],
    serve: redisServer,
    async ask() {
      const client = await createClient({ url: `redis://${host}:6379` }).connect();
      const { dbfilename } = await client.configGet('dbfilename');
      await client.close();
      return dbfilename;
    },
  },
  ioredis: {
    needs: ['redis-server'],
    serve: redisServer,
    async ask() {
      const client = new Redis(6379, host);
      const [, answer] = await client.config('GET', 'dbfilename');
      await client.quit();
      return answer;
    },
  },
  pg: {
    needs: ['postgresql'],
    serve: postgresServer,
    async ask() {
      const pool = new pg.Pool({ connectionString: postgresUrl });
      pool.on('error', () => {}); // it has ended before its connections have
      const ask = async () => (await pool.query('show cluster_name')).rows[0].cluster_name;
      const answers = new Set(await Promise.all([ask(), ask(), ask()]));
      await pool.end();
      return [...answers].join();
    },
  },
  postgres: {
    needs: ['postgresql'],
    keeps: 'for each query, an error with the functions that were on the stack',
    serve: postgresServer,
    async ask() {
      const sql = postgres(postgresUrl);
      const [{ cluster_name }] = await sql`show cluster_name`;
      await sql.end();
      return cluster_name;
    },
  },
  mysql2: {
    needs: ['mariadb-server'],
    serve: mysqlServer,
    async ask() {
      const pool = mysql.createPool({ host, user: 'root' });
      const ask = async () => (await pool.query('select @@report_host as name'))[0][0].name;
      const answers = new Set(await Promise.all([ask(), ask(), ask()]));
      await pool.end();
      return [...answers].join();
    },
  },
  memjs: {
    needs: ['memcached'],
    serve: () => start('memcached', ['-u', 'nobody', '-l', host, '-p', '11211'], 11_211),
    async ask(side, round) {
      const client = memjs.Client.create(`${host}:11211`);
      if (round === 0) await client.add('name', side.name, {});
      const { value } = await client.get('name');
      client.close();
      return String(value);
    },
  },
};
