import { expect, test } from 'vitest';

import { createTestClock } from '../base/index.ts';
import { HealthCheck } from './health-check.ts';
import { FakeConversation, gone } from './testing/index.ts';

const settings = { intervalMs: 1_000, timeoutMs: 200, failureThreshold: 3 };

function checked(prepare: (conversation: FakeConversation) => void = () => {}) {
  const clock = createTestClock();
  const conversation = new FakeConversation({ purpose: 'primary', caller: undefined, verdict: undefined });
  prepare(conversation);
  const dead: string[] = [];
  let alive = 0;
  const check = new HealthCheck({
    clock,
    conversation,
    settings: () => settings,
    onDead: (m) => dead.push(m),
    onAlive: () => alive++,
  });
  return { clock, conversation, check, dead, alive: () => alive };
}

test('an idle server is asked once per interval, each era in its own way', async () => {
  const modern = checked();
  await modern.clock.advance(3_500);
  expect(modern.conversation.requests).toEqual(['server/discover', 'server/discover', 'server/discover']);
  expect(modern.alive()).toBe(3);
  const legacy = checked((one) => (one.era = 'legacy'));
  await legacy.clock.advance(1_000);
  expect(legacy.conversation.requests).toEqual(['ping']);
});

test('a busy server is left alone', async () => {
  const { clock, conversation, dead } = checked((one) => (one.inFlight = 1));
  await clock.advance(10_000);
  expect([conversation.requests, dead]).toEqual([[], []]);
});

test('EF-84 one that says nothing at all, however many calls wait for it, is asked once a call could not be silent any longer', async () => {
  const clock = createTestClock();
  const conversation = Object.assign(
    new FakeConversation({ purpose: 'primary', caller: undefined, verdict: undefined }),
    { heard: 0 },
  );
  const dead: string[] = [];
  const check = new HealthCheck({
    clock,
    conversation,
    settings: () => settings,
    silenceMs: () => 5_000,
    onDead: (message) => dead.push(message),
  });
  conversation.inFlight = 2;
  for (let second = 0; second < 20; second++) {
    conversation.heard++;
    await clock.advance(1_000);
  }
  expect(conversation.requests).toEqual([]);
  // Silent, but it answers the check: busy after all.
  await clock.advance(8_000);
  expect(conversation.requests.length).toBeGreaterThan(0);
  expect(dead).toEqual([]);
  conversation.onRequest = () => gone;
  await clock.advance(3_000);
  expect(dead).toHaveLength(1);
  check.stop();
  expect(clock.pending).toBe(0);
});

test('an error of the server is a sign of life', async () => {
  const { clock, dead } = checked((one) => {
    one.onRequest = () => ({
      kind: 'error',
      origin: 'server',
      code: -32_601,
      message: 'no',
      data: undefined,
      httpStatus: 404,
    });
  });
  await clock.advance(20_000);
  expect(dead).toEqual([]);
});

test('EF-31 silence is believed after as many failures as configured, looked at closely from the first', async () => {
  const { clock, conversation, dead } = checked((one) => (one.onRequest = () => gone));
  await clock.advance(1_000);
  expect(dead).toEqual([]);
  await clock.advance(400);
  expect(conversation.requests).toHaveLength(3);
  expect(dead).toHaveLength(1);
  await clock.advance(10_000);
  expect(conversation.requests).toHaveLength(3);
});

test('one answer in between starts the count anew', async () => {
  let asked = 0;
  const { clock, dead } = checked((one) => (one.onRequest = () => (++asked % 3 === 0 ? undefined : gone)));
  await clock.advance(20_000);
  expect(dead).toEqual([]);
});

test('a suspicion is looked into at once, and not after the end', async () => {
  const { clock, conversation, check } = checked();
  check.now();
  await clock.advance(1);
  expect(conversation.requests).toHaveLength(1);
  check.stop();
  check.now();
  await clock.advance(10_000);
  expect(conversation.requests).toHaveLength(1);
  expect(clock.pending).toBe(0);
});
