import { expect, test } from 'vitest';

import { createTestClock, silentLogger } from '../base/index.ts';
import { Attempts } from './attempts.ts';
import { FakeConversation } from './testing/index.ts';

test('an attempt that is given up in the moment in which its conversation stands ends it, and reads no lists of it', async () => {
  const lists = { key: 'default/files', log: silentLogger, clock: createTestClock() };
  const conversation = new FakeConversation({ purpose: 'primary', caller: undefined, verdict: undefined });
  const attempts = new Attempts({
    lists,
    starter: {
      open: async () => {
        attempts.abandon();
        return conversation;
      },
    },
    before: () => undefined,
    progress: () => {},
    wantsLists: () => true,
  });
  expect(await attempts.run()).toBeUndefined();
  expect([conversation.requests, conversation.closedWith]).toEqual([[], 'the start failed']);
});
