import { expect, test } from 'vitest';

import { findPeers } from './find-peers.ts';

const told = [
  { name: 'a', uid: 'uid-a', ip: '10.0.0.1' },
  { name: 'b', uid: 'uid-b', ip: '10.0.0.2', port: 9 },
  { name: 'c', uid: 'uid-c', ip: '10.0.0.3' },
  { name: 'd', uid: 'uid-d', ip: '10.0.0.4' },
];

function find(answers: Readonly<Record<string, unknown>>, known = told) {
  const asked: string[] = [];
  const found = findPeers({
    ips: Object.keys(answers),
    told: known,
    port: 7,
    isDead: (uid) => uid === 'uid-d',
    ask: async ({ origin, name }) => {
      asked.push(origin);
      if (answers[name] === 'silence') throw new Error('silent');
      return { uid: answers[name] };
    },
  });
  return { asked, found };
}

test('EF-30 who answers is who it says; who does not stays; who has no address any more goes when it is dead', async () => {
  const { asked, found } = find({ '10.0.0.1': 'uid-new', '10.0.0.2': 'silence', 'fd00::1': 'uid-e' });
  expect(await found).toEqual([
    { name: '10.0.0.1', uid: 'uid-new', ip: '10.0.0.1', port: 7 },
    told[1],
    { name: 'fd00::1', uid: 'uid-e', ip: 'fd00::1', port: 7 },
    told[2],
  ]);
  expect(asked).toEqual(['https://10.0.0.1:7', 'https://10.0.0.2:9', 'https://[fd00::1]:7']);
});

test('what is no answer counts as none; without any nothing is known', async () => {
  const answers = { '10.0.0.7': 'x'.repeat(300), '10.0.0.8': '', '10.0.0.9': 5, '10.0.0.10': 'silence' };
  expect(await find(answers, []).found).toBeUndefined();
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`10.1.0.${n}`, 'silence']));
  const { asked, found } = find(many);
  expect(await found).toEqual(told.slice(0, 3));
  expect([new Set(asked).size, asked.length]).toEqual([64, 128]);
});
