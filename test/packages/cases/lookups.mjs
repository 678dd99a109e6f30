/** Caches of names, which one process has once. */
import dns from 'node:dns';
import http from 'node:http';
import { createRequire } from 'node:module';
import CacheableLookup from 'cacheable-lookup';
import { web } from '../servers.mjs';

const require = createRequire(import.meta.url);

const get = lookup =>
  new Promise((resolve, reject) => {
    http
      .get({ host: 'localhost', family: 4, port: 8080, lookup, agent: false }, response => {
        let text = '';
        response.on('data', data => {
          text += data;
        });
        response.on('end', () => resolve(text));
      })
      .on('error', reject);
  });

/** The resolver of these asks outside, and is refused inside: it is answered from what stands in for it. */
const resolver = {
  getServers: () => [],
  resolve4: (_name, _options, done) => setImmediate(done, null, [{ address: '127.0.0.1', ttl: 0 }]),
  resolve6: (_name, _options, done) =>
    setImmediate(done, Object.assign(new Error('none'), { code: 'ENODATA' })),
};
const cacheable = new CacheableLookup({ resolver, lookup: false });
let replaced = false;

export default {
  'cacheable-lookup, one for all': {
    serve: web,
    ask: () => get((...args) => cacheable.lookup(...args)),
  },
  'dnscache, in the place of dns.lookup': {
    serve: web,
    ask() {
      if (!replaced) require('dnscache')({ enable: true, ttl: 1, cachesize: 10 });
      replaced = true;
      return get(dns.lookup);
    },
  },
};
