/** HTTP+SSE of 2024-11-05: what does not become a conversation. */
import { describe, expect, test } from 'vitest';

import { connectorTo, eventually, type Options, refusal, type SseScript } from '../testing/index.ts';
import { asPrimary, useSse } from './old-transport.fixture.ts';

const { serve } = useSse();

describe('what does not become a conversation', () => {
  const why = async (script: SseScript, config: Options['config'] = { transport: 'sse' }) => {
    const server = await serve(script);
    const { connector, pool } = connectorTo(server.url, { config });
    const error = await refusal(connector.connect(asPrimary, new AbortController().signal));
    await eventually(() => server.open === 0, 'no stream is left');
    expect(pool.stats()).toEqual([]);
    return error;
  };

  test.each([
    ['another origin', 'http://attacker.example/messages', 'another origin'],
    ['another port', 'http://127.0.0.1:1/messages', 'another origin'],
    ['a foreign scheme', 'javascript:alert(1)', 'another origin'],
    ['credentials', 'http://me:secret@127.0.0.1/messages', 'no usable address'],
    ['an address that never ends', `/messages?${'x'.repeat(3_000)}`, 'no usable address'],
  ])('an endpoint with %s: the credentials of the server stay where they belong', async (_what, endpoint, words) => {
    const error = await why({ endpoint: () => endpoint });
    expect(error).toMatchObject({ reason: 'HandshakeFailed', retryable: false });
    expect(error.message).toContain(words);
    expect(error.message).not.toContain('secret');
  });

  test('transport: sse at a server that has none says so', async () => {
    expect(await why({ get: (response) => response.writeHead(404).end() })).toMatchObject({
      reason: 'TransportUnsupported',
    });
    expect(
      await why({ get: (response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{}') }),
    ).toMatchObject({
      reason: 'TransportUnsupported',
    });
    expect(await why({ get: (response) => response.writeHead(401).end() })).toMatchObject({
      reason: 'CredentialsRefused',
    });
  });

  test('a server that refuses POST and has no old stream: the first refusal counts', async () => {
    const error = await why({ get: (response) => response.writeHead(405).end() }, {});
    expect(error).toMatchObject({ reason: 'HandshakeFailed' });
    expect(error.message).toContain('HTTP 405');
  });

  test('a refused initialize is not waited for', async () => {
    const status = ({ method }: { method?: string }) => (method === 'initialize' ? 500 : undefined);
    expect(await why({ status })).toMatchObject({ reason: 'HandshakeFailed' });
  });

  test('protocol: modern cannot be had over it', async () => {
    expect(await why({}, { transport: 'sse', protocol: 'modern' })).toMatchObject({
      reason: 'HandshakeFailed',
      retryable: false,
    });
  });

  test('a start given up leaves nothing', async () => {
    const server = await serve({ status: () => undefined, taken: () => new Promise(() => {}) });
    const { connector, pool } = connectorTo(server.url, { config: { transport: 'sse' } });
    const abort = new AbortController();
    const attempt = refusal(connector.connect(asPrimary, abort.signal));
    await eventually(() => server.sessions.length > 0, 'the stream is open');
    abort.abort();
    expect((await attempt).message).toBeDefined();
    await eventually(() => server.open === 0 && pool.stats().length === 0, 'everything is closed');
  });
});
