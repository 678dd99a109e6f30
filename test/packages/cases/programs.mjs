/** Threads, browsers and telemetry. */
import { readlinkSync } from 'node:fs';
import http from 'node:http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { Piscina } from 'piscina';
import { chromium } from 'playwright-core';
import { outside } from '../../../lib/index.js';
import { host, listen, web } from '../servers.mjs';

const spans = new Map();

/** Collects spans; each carries the side that it was made for. */
const collector = side =>
  listen(
    http.createServer((request, response) => {
      let text = '';
      request.on('data', data => {
        text += data;
      });
      request.on('end', () => {
        for (const [, name] of text.matchAll(/"name":"(span \w+ \d+)"/g))
          spans.set(name, side.name);
        response.end('{}');
      });
    }),
    4318,
  );

const exporter = () => new OTLPTraceExporter({ url: `http://${host}:4318/v1/traces` });
let shared;

export default {
  'OpenTelemetry, one for each side': {
    serve: collector,
    async ask(side, round) {
      const processor = new BatchSpanProcessor(exporter(), { scheduledDelayMillis: 50 });
      const provider = new NodeTracerProvider({ spanProcessors: [processor] });
      const name = `span ${side.name} ${round}`;
      provider.getTracer('test').startSpan(name).end();
      await provider.forceFlush();
      await provider.shutdown();
      return spans.get(name);
    },
  },
  'OpenTelemetry, one for all, through outside()': {
    serve: collector,
    async ask(side, round) {
      if (shared === undefined) {
        const processor = outside(
          () => new BatchSpanProcessor(exporter(), { scheduledDelayMillis: 50 }),
        );
        const { onEnd } = processor;
        processor.onEnd = span => outside(() => onEnd.call(processor, span));
        shared = outside(() => new NodeTracerProvider({ spanProcessors: [processor] }));
      }
      const name = `span ${side.name} ${round}`;
      shared.getTracer('test').startSpan(name).end();
      await outside(() => shared.forceFlush());
      return spans.get(name) === 'O' ? side.name : `the collector of ${spans.get(name)}`;
    },
  },
  piscina: {
    async ask(side) {
      const filename = new URL('../where.mjs', import.meta.url).href;
      const pool = new Piscina({ filename, minThreads: 1, maxThreads: 2 });
      const places = await Promise.all([pool.run(), pool.run(), pool.run()]);
      await pool.destroy();
      const here = readlinkSync('/proc/thread-self/ns/net');
      return places.every(place => place === here) ? side.name : places.join();
    },
  },
  'playwright-core': {
    needs: ['chromium'],
    rounds: 2,
    serve: web,
    async ask() {
      const browser = await chromium.launch({
        executablePath: '/usr/bin/chromium',
        args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
      });
      const page = await browser.newPage();
      await page.goto(`http://${host}:8080`);
      const text = await page.textContent('body');
      await browser.close();
      return text;
    },
  },
};
