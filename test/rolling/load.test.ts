import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';

import { type RunningServer, startHttpServer, until } from '../kit/index.ts';
import { Load } from './load.ts';

let server: RunningServer | undefined;
let load: Load | undefined;

afterEach(async () => {
  await load?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
  load = server = undefined;
});

async function under(tools: { name: string; does?: object }[]): Promise<Load> {
  server = await startHttpServer({ tools });
  load = await Load.start({ url: server.url, clients: 4, everyMs: 20, tools: tools.map(({ name }) => name) });
  return load;
}

describe('the load', () => {
  test('calls of both eras at a pace, none failed', async () => {
    const running = await under([{ name: 'one' }, { name: 'two' }]);
    await pause(200);
    await running.settled();
    const report = running.report();
    expect(report.failed).toEqual([]);
    expect(report.calls).toBeGreaterThan(10);
    expect(running.report().calls).toBeLessThan(report.calls);
  });

  test('what goes wrong is a failed call, with the reason', async () => {
    const running = await under([
      { name: 'refuses', does: { error: { code: -32_011, message: 'no' } } },
      { name: 'fails', does: { toolError: 'nope' } },
      { name: 'lies', does: { content: [{ type: 'text', text: 'something else' }] } },
      { name: 'cut', does: { cut: true } },
    ]);
    let seen: string[] = [];
    await until(
      () => {
        seen = [...seen, ...running.report().failed.map(({ tool, what }) => `${tool}: ${what}`)];
        return ['refuses: HTTP', 'fails: an error', 'lies: an answer', 'cut: '].every((start) =>
          seen.some((one) => one.startsWith(start)),
        );
      },
      { because: 'each is seen' },
    );
  });

  test('only a connection that never came to be is dialled again', async () => {
    const running = await under([{ name: 'one' }]);
    await pause(50);
    await server?.[Symbol.asyncDispose]();
    await pause(150);
    await until(() => running.report().dialledAgain > 0 || undefined, { because: 'it is dialled again' });
  });
});
