import { describe, expect, test } from 'vitest';

import { createTestClock } from '../base/index.ts';
import type { ListKind } from '../exchange/index.ts';
import { Relister } from './relister.ts';

const tools = 'notifications/tools/list_changed';
const prompts = 'notifications/prompts/list_changed';
const resources = 'notifications/resources/list_changed';

function relister(answer: () => boolean | Promise<boolean> = () => true) {
  const clock = createTestClock();
  const reads: (readonly ListKind[])[] = [];
  const one = new Relister({
    clock,
    read: async (kinds) => {
      reads.push(kinds);
      return answer();
    },
  });
  return { clock, reads, one };
}

describe('X-02 announcements of changed lists', () => {
  test('several at once become one read of exactly those lists', async () => {
    const { clock, reads, one } = relister();
    for (const method of [tools, prompts, tools, 'notifications/resources/updated']) one.notified(method);
    await clock.advance(60);
    expect(reads).toEqual([['tools', 'prompts']]);
    one.notified(resources);
    await clock.advance(600);
    expect(reads[1]).toEqual(['resources', 'resourceTemplates']);
    expect(clock.pending).toBe(0);
  });

  test('a storm costs one read per half second', async () => {
    const { clock, reads, one } = relister();
    for (let at = 0; at < 5_000; at += 10) {
      one.notified(tools);
      await clock.advance(10);
    }
    expect(reads.length).toBeGreaterThan(5);
    expect(reads.length).toBeLessThanOrEqual(11);
  });

  test('one announced during a read is read afterwards, never at the same time', async () => {
    let running = 0;
    let most = 0;
    const { clock, reads, one } = relister(async () => {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => clock.after(100, resolve));
      running--;
      return true;
    });
    one.notified(tools);
    await clock.advance(60);
    one.notified(tools);
    await clock.advance(2_000);
    expect([reads.length, most]).toEqual([2, 1]);
  });

  test('a read that fails is tried a few times, then left', async () => {
    const { clock, reads, one } = relister(() => false);
    one.notified(tools);
    await clock.advance(60_000);
    expect(reads).toHaveLength(4);
    one.notified(prompts);
    await clock.advance(60);
    expect(reads.at(-1)).toEqual(['prompts']);
  });

  test('nothing is read after the end', async () => {
    const { clock, reads, one } = relister();
    one.notified(tools);
    one.stop();
    one.notified(prompts);
    await clock.advance(10_000);
    expect([reads.length, clock.pending]).toEqual([0, 0]);
  });
});
