/** Clients of HTTP, with one of their own for each side where they have connections to keep. */
import http from 'node:http';
import axios from 'axios';
import got from 'got';
import nodeFetch from 'node-fetch';
import superagent from 'superagent';
import { host, web } from '../servers.mjs';

const url = `http://${host}:8080/`;

export default {
  axios: { serve: web, ask: async () => (await axios.get(url)).data },
  'axios with an agent of its own': {
    serve: web,
    async ask() {
      const httpAgent = new http.Agent({ keepAlive: true });
      const client = axios.create({ httpAgent });
      const answers = [await client.get(url), await client.get(url)];
      httpAgent.destroy();
      return [...new Set(answers.map(answer => answer.data))].join();
    },
  },
  got: { serve: web, ask: async () => got(url).text() },
  'node-fetch': { serve: web, ask: async () => (await nodeFetch(url)).text() },
  superagent: {
    serve: web,
    ask: async () =>
      (
        await superagent
          .get(url)
          .buffer(true)
          .parse((response, done) => {
            let text = '';
            response.on('data', data => {
              text += data;
            });
            response.on('end', () => done(null, text));
          })
      ).body,
  },
  fetch: { serve: web, ask: async () => (await fetch(url)).text() },
};
