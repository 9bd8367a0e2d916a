/** HTTP+SSE of 2024-11-05 toward servers of several replicas, and of one that takes nothing new. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';

import { emptyObject } from '../../wire/index.ts';
import type { ConnectRequest, Conversation } from '../conversation.ts';
import {
  call,
  connectorTo,
  draining,
  eventually,
  FakeFeed,
  openTo,
  refusal,
  type SseScript,
} from '../testing/index.ts';
import { asPrimary, echo, methodsOf, textOf, useSse } from './old-transport.fixture.ts';

const { serve } = useSse();

test('a replica that takes nothing new is left: calls in flight end there, the next conversation is elsewhere', async () => {
  let answer = (): void => {};
  const script: SseScript = {
    answer: ({ id }, session) => {
      answer = () => session.say({ jsonrpc: '2.0', id, result: {} });
      return undefined;
    },
  };
  const server = await serve(script);
  const address = new URL(server.url).host;
  const feed = new FakeFeed(address);
  const { conversation } = await openTo(
    { target: { endpoints: feed }, config: { transport: 'sse' } },
    'http://old.example/sse',
  );
  const ends: string[] = [];
  conversation.onClosed(({ reason }) => ends.push(reason));
  const outcome = call(conversation as Conversation);
  await eventually(() => methodsOf(server).includes('tools/call'), 'the call has arrived');
  feed.say(draining(address));
  expect(ends).toEqual(['NoEndpoints']);
  expect(conversation.inFlight).toBe(1);
  answer();
  expect(await outcome).toMatchObject({ kind: 'result' });
  await eventually(() => server.open === 0, 'the stream is closed after the last call');
});

describe('several replicas', () => {
  const replica = async () => {
    const server = await serve(echo);
    return { server, address: new URL(server.url).host };
  };
  const at = (feed: FakeFeed, request: Partial<ConnectRequest> = {}) =>
    openTo({ target: { endpoints: feed }, config: { transport: 'sse' }, request }, 'http://old.example/sse');

  test('one that ends while hands are shaken is left for the next', async () => {
    // It names an address and takes no connections from then on.
    let asked = 0;
    const dying = createServer((_request, response) => {
      asked++;
      dying.close();
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('event: endpoint\ndata: /messages?sessionId=1\n\n');
    });
    await new Promise<void>((resolve) => dying.listen(0, '127.0.0.1', resolve));
    const { address } = await replica();
    const feed = new FakeFeed(address, `127.0.0.1:${(dying.address() as AddressInfo).port}`);
    const { conversation, connector, pool } = await at(feed);
    expect(asked).toBe(1);
    expect(textOf(await call(conversation))).toContain('"echoed":');
    // Its replicas are still followed, and the connections to the first are given back.
    feed.say(draining(address));
    expect(await call(conversation)).toMatchObject({ kind: 'error' });
    await eventually(() => pool.stats().length === 0 && feed.subscribers === 0, 'everything is given back');
    expect(await refusal(connector.connect(asPrimary, new AbortController().signal))).toMatchObject({
      reason: 'NoEndpoints',
    });
    dying.closeAllConnections();
  });

  test('a primary conversation whose replica leaves while another is ready is over at once; other changes are nothing to it', async () => {
    const [one, two] = [await replica(), await replica()];
    const feed = new FakeFeed(one.address, two.address);
    const { conversation } = await at(feed);
    const ends: string[] = [];
    conversation.onClosed(({ reason }) => ends.push(reason));
    // Which of the two it is at, is for the turn to say.
    const [mine, other] = one.server.open === 1 ? [one.address, two.address] : [two.address, one.address];
    feed.say(mine, draining(other));
    feed.say(mine, other);
    expect(ends).toEqual([]);
    feed.say(draining(mine), other);
    expect(ends).toEqual(['ConnectionLost']);
  });

  test('a session lost while hands are shaken says so, not what became of initialize', async () => {
    const status = ({ method }: { method?: string }) => (method === 'initialize' ? 404 : undefined);
    const server = await serve({ status });
    const { connector } = connectorTo(server.url, { config: { transport: 'sse' } });
    expect(await refusal(connector.connect(asPrimary, new AbortController().signal))).toMatchObject({
      reason: 'SessionLost',
    });
  });

  test('a start given up in the very moment the stream opens', async () => {
    const abort = new AbortController();
    const server = await serve({
      endpoint: (id) => `/messages?sessionId=${id}`,
      taken: () => {
        abort.abort();
        return undefined;
      },
    });
    const { connector, pool } = connectorTo(server.url, { config: { transport: 'sse' } });
    await refusal(connector.connect(asPrimary, abort.signal));
    await eventually(() => server.open === 0 && pool.stats().length === 0, 'everything is closed');
  });
});

test('a client\u2019s own conversation leaves a replica that takes nothing new with its next call', async () => {
  const server = await serve(echo);
  const address = new URL(server.url).host;
  const feed = new FakeFeed(address);
  const elsewhere = { kind: 'ready', result: emptyObject } as const;
  const resend = async () => elsewhere;
  const { conversation } = await openTo(
    { target: { endpoints: feed }, config: { transport: 'sse' }, request: { purpose: 'client', resend } },
    'http://old.example/sse',
  );
  expect(await call(conversation)).toMatchObject({ kind: 'result' });
  feed.say(draining(address));
  expect(server.open).toBe(1);
  expect(await call(conversation)).toBe(elsewhere);
  await eventually(() => server.open === 0, 'nothing is in flight, so it is closed');
  expect(await call(conversation)).toBe(elsewhere);
});
