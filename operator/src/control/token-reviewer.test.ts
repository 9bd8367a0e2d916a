import { createTestClock } from 'quaymaster/base';
import { describe, expect, test } from 'vitest';

import { until } from '../kube/testing/index.ts';
import { type ControlLimits, defaultControlLimits } from './limits.ts';
import { controlMetrics, fakeReviews, podToken } from './testing/index.ts';
import { createTokenReviewer } from './token-reviewer.ts';

const pod = { namespace: 'default', name: 'h-1', uid: 'u1' };
const accepted = { kind: 'accepted', pod: { ...pod, serviceAccount: 'hub' } };

function begin(over: Partial<ControlLimits> = {}) {
  const clock = createTestClock();
  const reviews = fakeReviews();
  const metrics = controlMetrics();
  const limits = { ...defaultControlLimits, ...over };
  const { client } = reviews;
  return {
    clock,
    reviews,
    metrics,
    reviewer: createTokenReviewer({ client, clock, audience: 'test', limits, metrics }),
  };
}

describe('verdicts', () => {
  test('are remembered for a minute, and asked for again after it', async () => {
    const { clock, reviews, reviewer, metrics } = begin();
    expect(await reviewer.review(podToken(pod))).toEqual(accepted);
    await clock.advance(59_999);
    expect(await reviewer.review(podToken(pod))).toEqual(accepted);
    expect(reviews.asked).toHaveLength(1);
    expect(metrics.sum('quaymaster_control_reviews_total', { result: 'cached' })).toBe(1);
    await clock.advance(1);
    await reviewer.review(podToken(pod));
    expect(reviews.asked).toHaveLength(2);
  });

  test('never outlive the token itself', async () => {
    const { clock, reviews, reviewer } = begin();
    const token = podToken(pod, { exp: clock.now() / 1_000 + 5 });
    await reviewer.review(token);
    await clock.advance(4_999);
    await reviewer.review(token);
    expect(reviews.asked).toHaveLength(1);
    await clock.advance(2);
    await reviewer.review(token);
    await reviewer.review(token);
    expect(reviews.asked).toHaveLength(3);
  });

  test('of refused tokens are remembered for a short time', async () => {
    const { clock, reviews, reviewer } = begin();
    expect(await reviewer.review('rubbish')).toEqual({ kind: 'refused', reason: 'token' });
    await reviewer.review('rubbish');
    expect(reviews.asked).toHaveLength(1);
    await clock.advance(10_000);
    await reviewer.review('rubbish');
    expect(reviews.asked).toHaveLength(2);
  });

  test('one token is asked for once, however many present it', async () => {
    const { reviews, reviewer } = begin();
    reviews.delayMs = 5;
    await Promise.all(Array.from({ length: 50 }, () => reviewer.review(podToken(pod))));
    expect(reviews.asked).toHaveLength(1);
  });

  test('are bounded in number; the one unused for longest goes first', async () => {
    const { reviews, reviewer } = begin({ verdicts: 3 });
    for (const token of ['a', 'b', 'c', 'a', 'd', 'a', 'c']) await reviewer.review(token);
    expect(reviews.asked).toEqual(['a', 'b', 'c', 'd']);
    await reviewer.review('b');
    expect(reviews.asked).toHaveLength(5);
  });
});

describe('asking', () => {
  test('no more than so many at once, the others in turn', async () => {
    const { reviews, reviewer } = begin({ reviewsAtOnce: 4 });
    reviews.delayMs = 2;
    const tokens = Array.from({ length: 30 }, (_, at) => podToken({ ...pod, uid: `u${at}` }));
    await Promise.all(tokens.map((token) => reviewer.review(token)));
    expect(reviews.most()).toBe(4);
    expect(reviews.asked).toEqual(tokens);
  });

  test('a failure is told, is not remembered, and carries no token', async () => {
    const { reviews, reviewer, metrics } = begin({ reviewsAtOnce: 1 });
    reviews.failing = true;
    const error = await reviewer.review('planted-secret').catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(Error);
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('planted-secret');
    expect(metrics.sum('quaymaster_control_reviews_total', { result: 'failed' })).toBe(1);
    reviews.failing = false;
    expect(await reviewer.review(podToken(pod))).toEqual(accepted);
  });

  test('an API server that does not answer is given up', async () => {
    const { clock, reviews, reviewer } = begin();
    reviews.delayMs = 60_000;
    const answer = reviewer.review('x').catch((error: unknown) => (error as { code: string }).code);
    await until('asked', () => clock.pending === 1);
    await clock.advance(10_000);
    expect(await answer).toBe('KUBE_ABORTED');
    expect(clock.pending).toBe(0);
  });
});

test.each([
  [{ username: 'system:serviceaccount:default:hub:more' }, 'notAPod'],
  [{ username: 'system:serviceaccount::hub' }, 'notAPod'],
  [{ username: 'system:serviceaccount:default:' }, 'notAPod'],
  [{ username: '' }, 'notAPod'],
  [{ audience: 'testing' }, 'audience'],
])('%j is not a Pod for us: %s', async (over, reason) => {
  expect(await begin().reviewer.review(podToken(pod, over))).toEqual({ kind: 'refused', reason });
});
