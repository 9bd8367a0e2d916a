import { fastify } from 'fastify';
import { expect, test } from 'vitest';

import { noSchemas } from './index.ts';

test('routes without schemas read and send JSON as ever', async () => {
  await using server = fastify(noSchemas);
  server.post('/double', (request) => ({ doubled: (request.body as { n: number }).n * 2 }));
  const answer = await server.inject({ method: 'POST', url: '/double', payload: { n: 21 } });
  expect([answer.statusCode, answer.json()]).toEqual([200, { doubled: 42 }]);
  const bad = await server.inject({
    method: 'POST',
    url: '/double',
    payload: '{',
    headers: { 'content-type': 'application/json' },
  });
  expect([bad.statusCode, bad.json()]).toEqual([400, expect.objectContaining({ statusCode: 400 })]);
});

test('a route with a schema fails when it is added, not when it is called', async () => {
  await using server = fastify(noSchemas);
  server.post('/typed', { schema: { body: { type: 'object' } } }, () => 'unreachable');
  await expect(server.ready()).rejects.toThrow('no schemas');
});
