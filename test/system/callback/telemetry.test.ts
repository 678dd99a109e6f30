import { expect, test } from 'vitest';
import { script } from '../shared/script.ts';

const watch = `
  const { default: channels } = await import('node:diagnostics_channel');
  const { createHook } = await import('node:async_hooks');
  const { default: http } = await import('node:http');
  const { once } = await import('node:events');
  const seen = [];
  const names = [
    ...['request:create', 'request:headers', 'request:error', 'client:beforeConnect', 'client:connected',
        'client:connectError', 'websocket:open'].map(name => 'undici:' + name),
    ...['client.socket', 'server.socket'].map(name => 'net.' + name), 'udp.socket',
    'http.client.request.created', 'http.client.request.start', 'http.client.request.error', 'http.server.request.start',
    'http2.client.stream.start', 'child_process', 'worker_threads', 'process', 'execve', 'tls.client.socket',
    ...['start', 'end', 'error'].map(name => 'tracing:net.server.listen:' + name.replace('start', 'asyncStart')),
    ...['start', 'error'].map(name => 'tracing:child_process.spawn:' + name),
  ];
  for (const name of names) channels.subscribe(name, () => seen.push(name));
`;

test('what is put in place for callbacks makes no request that anybody sees', async () => {
  const ended = await script(`${watch}
    const made = [];
    const { PerformanceObserver } = await import('node:perf_hooks');
    new PerformanceObserver(list => seen.push(...list.getEntries().map(entry => entry.name)))
      .observe({ entryTypes: ['dns', 'http', 'http2', 'net', 'resource'] });
    createHook({ init: (id, type) => made.push(type) }).enable();
    await lab.run(() => sleep(1));
    await sleep(50);
    say(JSON.stringify(seen), JSON.stringify(made.filter(type => /WRAP|REQ|HTTP|PROCESS|WORKER/i.test(type))));
  `);
  expect(ended.err).toBe('');
  expect(ended.out).toEqual(['[] []']);
});

test('a fetch inside is seen once, and nothing beside it', async () => {
  const ended = await script(`${watch}
    const requests = [];
    for (const name of ['create', 'error']) {
      channels.subscribe('undici:request:' + name, ({ request }) => requests.push(name + ' ' + request.origin));
    }
    const at = await lab.run(async () => {
      const server = http.createServer((_request, response) => response.end('x')).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const at = 'http://127.0.0.1:' + server.address().port;
      await (await fetch(at)).text();
      server.closeAllConnections();
      server.close();
      return at;
    });
    await sleep(50);
    const other = seen.filter(name => !/^(undici:|net\\.|http\\.server|tracing:net)/.test(name));
    say(String(requests) === 'create ' + at, seen.filter(name => name === 'net.client.socket').length, JSON.stringify(other));
  `);
  expect(ended.err).toBe('');
  expect(ended.out).toEqual(['true 1 []']);
});
