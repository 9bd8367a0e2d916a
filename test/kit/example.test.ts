import { connectLegacy, connectModern, kitMatchers, startHttpServer, until } from '@quaymaster/testkit';
import { expect, test } from 'vitest';

expect.extend(kitMatchers);

test('a slow weather server reports progress, and both eras see a new tool', async () => {
  await using server = await startHttpServer({
    tools: [
      {
        name: 'forecast',
        does: { progress: { count: 3, intervalMs: 5 }, content: [{ type: 'text', text: 'sunny' }] },
      },
    ],
  });
  await using modern = await connectModern(server.url);
  await using legacy = await connectLegacy(server.url);

  const steps: unknown[] = [];
  const answer = await modern.callTool('forecast', { city: 'Oslo' }, { onProgress: (step) => steps.push(step) });
  expect(answer).toBeToolResult('sunny');
  expect(steps).toHaveLength(3);

  using changes = await legacy.openStream();
  server.setTools([{ name: 'forecast' }, { name: 'tides' }]);
  await until(() => changes.messages.length === 1, { because: 'the server announced its new tool' });
  expect(await modern.listAll('tools/list')).toMatchObject([{ name: 'forecast' }, { name: 'tides' }]);
  expect(server.calls.map((call) => call.method)).toContain('tools/list');
});
