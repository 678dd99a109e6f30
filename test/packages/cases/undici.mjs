/** npm's undici, by its global dispatcher and by pools of one's own. */
import http from 'node:http';
import { createRequire } from 'node:module';
import { host, listen, web } from '../servers.mjs';

const require = createRequire(import.meta.url);
const url = `http://${host}:8080`;

function version(major, node = 20) {
  // Loaded outside: a promise that a module keeps would keep the context that loads it.
  const undici =
    Number(process.versions.node.split('.')[0]) >= node ? require(`undici-${major}`) : {};
  return {
    [`undici ${major}, Pool`]: {
      node,
      serve: web,
      async ask() {
        const pool = new undici.Pool(url);
        const { body } = await pool.request({ path: '/', method: 'GET' });
        const answer = await body.text();
        await pool.close();
        return answer;
      },
    },
    [`undici ${major}, Client and Agent`]: {
      node,
      serve: web,
      async ask(side) {
        const { Agent, Client, request } = undici;
        const client = new Client(url);
        const first = await client.request({ path: '/', method: 'GET' });
        const dispatcher = new Agent();
        const answers = [
          await first.body.text(),
          await (await request(url, { dispatcher })).body.text(),
        ];
        await Promise.all([client.close(), dispatcher.close()]);
        return answers.every(answer => answer === side.name) ? side.name : answers.join();
      },
    },
    [`undici ${major}, RetryAgent after a timeout`]: {
      node,
      // The first answer never comes: it is the clock that all share which says so.
      async serve(side) {
        let asked = 0;
        return listen(
          http.createServer((_request, response) => {
            if (asked++ % 2 === 1) response.end(side.name);
          }),
          8080,
        );
      },
      async ask(side) {
        const { Agent, RetryAgent } = undici;
        if (RetryAgent === undefined) return side.name; // undici 5
        const agent = new Agent({ headersTimeout: 1500, pipelining: 0 });
        const retrying = new RetryAgent(agent, {
          minTimeout: 1,
          maxRetries: 3,
          errorCodes: ['UND_ERR_HEADERS_TIMEOUT', 'ECONNREFUSED', 'UND_ERR_SOCKET'],
        });
        const { body } = await retrying.request({ origin: url, path: '/', method: 'GET' });
        const answer = await body.text();
        await agent.destroy();
        return answer;
      },
    },
  };
}

export default { ...version(5), ...version(6), ...version(7), ...version(8, 22) };
