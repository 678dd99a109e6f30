import { expect, test } from 'vitest';
import { script } from '../shared/script.ts';

// What the debugger is found by: where something listens, and in which namespace each thread is.
const report = `
  const others = () => outside(() => threads().filter(at => at !== home).length);
  const inspector = (await import('node:inspector')).default;
  const where = () => {
    const port = Number(new URL(inspector.url() ?? 'ws://x:0').port);
    return [port > 0, listening().includes(port), lab.run(listening).length, others()];
  };`;
const atHome = 'true,true,0,0';

test('SIGUSR1 in the middle of a callback opens the debugger outside', async () => {
  const ended = await script(
    `${report}
     await lab.run(async () => {
       say('ready');
       for (const end = Date.now() + 400; Date.now() < end;);
       while (inspector.url() === undefined) await sleep(5);
       say(name(place()));
     });
     say(where());
     process.exit();`,
    {
      flags: ['--inspect-port=0'],
      heard: (line, child) => void (line === 'ready' && child.kill('SIGUSR1')),
    },
  );
  expect(ended.out).toEqual(['ready', 'inside', atHome]);
});

test("SIGUSR1 is Node's own again when nothing is on, and before", async () => {
  const ended = await script(
    `${report}
     lab.run(place);
     await sleep(10);
     say('ready');
     while (inspector.url() === undefined) await sleep(5);
     say(where());
     process.exit();`,
    {
      flags: ['--inspect-port=0'],
      heard: (line, child) => void (line === 'ready' && child.kill('SIGUSR1')),
    },
  );
  expect(ended.out).toEqual(['ready', atHome]);
});

test("a program's own SIGUSR1 handler stays in force", async () => {
  const ended = await script(
    `${report}
     process.on('SIGUSR1', () => say('mine', name(place())));
     const keep = lab.run(() => setInterval(() => {}, 10));
     process.kill(process.pid, 'SIGUSR1');
     await sleep(50);
     say(inspector.url() === undefined);
     clearInterval(keep);`,
  );
  expect(ended.out).toEqual(['mine home', 'true']);
});

test('inspector.open inside listens outside', async () => {
  const ended = await script(
    `${report}
     await lab.run(async () => { await null; inspector.open(0); say(name(place())); });
     say(where());
     inspector.close();`,
  );
  expect(ended.out).toEqual(['inside', atHome]);
});

test('the profiler and tracing leave no thread inside', async () => {
  const ended = await script(
    `${report}
     const { createTracing } = await import('node:trace_events');
     const before = threads().length;
     await lab.run(async () => {
       const session = new inspector.Session();
       session.connect();
       const post = (method, params) => new Promise((resolve, reject) =>
         session.post(method, params, (error, result) => {
           say(method, name(place()));
           error ? reject(error) : resolve(result);
         }));
       await post('Profiler.enable');
       await post('Profiler.start');
       say('threads', others(), threads().length > before);
       const { profile } = await post('Profiler.stop');
       say(profile.nodes.length > 0);
       const tracing = createTracing({ categories: ['node.perf'] });
       tracing.enable();
       say('tracing', tracing.enabled, others(), threads().length > before);
       tracing.disable();
       say(name(place()));
     });
     say(name(place()));`,
    { flags: ['--trace-event-file-pattern', '/dev/null'] },
  );
  expect(ended.out).toEqual([
    'Profiler.enable inside',
    'Profiler.start inside',
    'threads 0 true',
    'Profiler.stop inside',
    'true',
    'tracing true 0 true',
    'inside',
    'home',
  ]);
});

test('console.profile and v8.startCpuProfile inside start their thread outside', async () => {
  const ended = await script(
    `${report}
     const v8 = (await import('node:v8')).default;
     const session = new inspector.Session();
     session.connect();
     session.post('Profiler.enable');
     lab.run(() => {
       console.profile('x');
       say(others());
       console.profileEnd('x');
       const profile = v8.startCpuProfile?.();
       say(others());
       profile?.stop();
     });
     say(name(place()));`,
  );
  expect(ended.out).toEqual(['0', '0', 'home']);
});
