/** Promises, schedulers and queues: with native promises around them, or one for each side. */
import { setTimeout as sleep } from 'node:timers/promises';
import FakeTimers from '@sinonjs/fake-timers';
import Bluebird from 'bluebird';
import pLimit from 'p-limit';
import PQueue from 'p-queue';
import * as rxjs from 'rxjs';
import { host, web } from '../servers.mjs';

const ask = async () => (await fetch(`http://${host}:8080`)).text();
const limit = pLimit(2);
const queues = new Map();
Bluebird.config({ asyncHooks: true });

export default {
  'bluebird with asyncHooks': {
    serve: web,
    ask: () =>
      new Promise((resolve, reject) => Bluebird.resolve().delay(1).then(ask).then(resolve, reject)),
  },
  'rxjs, timers and promises': {
    serve: web,
    ask: () =>
      rxjs.firstValueFrom(
        rxjs.timer(1).pipe(
          rxjs.switchMap(() => rxjs.from(ask())),
          rxjs.delay(1),
        ),
      ),
  },
  'p-limit, one for all': { serve: web, ask: () => limit(ask) },
  'p-queue, one for each side': {
    serve: web,
    async ask(side) {
      if (!queues.has(side.name)) queues.set(side.name, new PQueue({ concurrency: 1 }));
      const answer = await queues.get(side.name).add(ask);
      queues.delete(side.name);
      return answer;
    },
  },
  'fake timers, with awaited steps': {
    serve: web,
    async ask() {
      const clock = FakeTimers.createClock();
      const waited = new Promise(resolve => clock.setTimeout(resolve, 1000));
      await sleep(1);
      await clock.tickAsync(1000);
      await waited;
      return ask();
    },
  },
};
