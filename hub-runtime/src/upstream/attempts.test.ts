import { expect, test } from 'vitest';

import { createTestClock, silentLogger } from '../base/index.ts';
import { Attempts } from './attempts.ts';
import { FakeConversation } from './testing/index.ts';

function stage(onOpen: (attempts: Attempts) => void = () => {}) {
  const conversation = new FakeConversation({ purpose: 'primary', caller: undefined, verdict: undefined });
  const attempts = new Attempts({
    lists: { key: 'default/files', log: silentLogger, clock: createTestClock() },
    starter: {
      open: async () => {
        onOpen(attempts);
        return conversation;
      },
    },
    before: () => undefined,
    progress: () => {},
    wantsLists: () => true,
  });
  return { attempts, conversation };
}

test('an attempt that is given up in the moment in which its conversation stands ends it, and reads no lists of it', async () => {
  const { attempts, conversation } = stage((all) => all.abandon());
  expect(await attempts.run()).toBeUndefined();
  expect([conversation.requests, conversation.closedWith]).toEqual([[], 'the start failed']);
});

test('one that is given up when it has everything is not taken, and ended', async () => {
  const { attempts, conversation } = stage();
  const started = await attempts.run();
  expect([started?.first?.lists.listing.tools.length, attempts.isRunning]).toEqual([1, true]);
  attempts.abandon();
  expect(started !== undefined && attempts.take(started)).toBe(false);
  expect(conversation.closedWith).toBe('not needed any more');
});
