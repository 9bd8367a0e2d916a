import { expect, test } from 'vitest';

import { createTestClock } from '../base/index.ts';
import type { ServerTarget, UpstreamEvent } from '../exchange/index.ts';
import { objectRaw, rawOf, scanObject } from '../wire/index.ts';
import { createUpstream } from './create-upstream.ts';
import { FakeConnector, serverConfig, upstreamDeps } from './testing/index.ts';

const stdio: ServerTarget = { kind: 'stdio', command: 'x', args: [], env: {}, cwd: undefined };

test('HT-0.10 a hub is asked what it offers before its first lists, and again with every change', async () => {
  const clock = createTestClock();
  const connector = new FakeConnector();
  let offers: object = { tools: { listChanged: true } };
  connector.plan = (conversation) => {
    conversation.refresh = async () => {
      conversation.requests.push('refresh');
      conversation.capabilities = scanObject(rawOf(offers))!;
    };
  };
  const upstream = createUpstream(serverConfig(), upstreamDeps(stdio, { clock, connectorFor: () => connector }));
  const listings: unknown[] = [];
  upstream.subscribe((event: UpstreamEvent) => {
    if (event.kind === 'listing') listings.push(JSON.parse(objectRaw(event.listing.capabilities)));
  });
  // Another one than the conversation was opened with: what it said first was said before anybody listened.
  offers = { ...offers, extensions: { early: {} } };
  upstream.start();
  await clock.advance(1);
  expect(listings).toEqual([offers]);
  expect(connector.last.requests).toEqual(['refresh', 'tools/list']);
  offers = { tools: { listChanged: true }, prompts: {}, extensions: { late: {} } };
  connector.last.announce('notifications/prompts/list_changed');
  await clock.advance(1_000);
  expect(listings.at(-1)).toEqual(offers);
  // A kind that it did not have before.
  expect(connector.last.requests).toEqual(['refresh', 'tools/list', 'refresh', 'prompts/list']);
  await upstream.stop(0);
});
