import { expect, test } from 'vitest';

import { createTestClock } from '../base/index.ts';
import { CallerToken } from './caller-token.ts';

function world(files: Record<string, string>) {
  const clock = createTestClock();
  let reads = 0;
  const token = new CallerToken('/t', clock, (file) => {
    reads += 1;
    const text = files[file];
    if (text === undefined) throw new Error('ENOENT');
    return text;
  });
  return { clock, token, reads: () => reads, accepts: (text: string) => token.accepts(`Bearer ${text}`) };
}

test('the token and the one before it, and nothing else', () => {
  const { token, accepts } = world({ '/t/token': 'new\n', '/t/previous': 'old' });
  expect([accepts('new'), accepts('old'), accepts('other'), accepts('ne'), accepts('new\n')]).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
  for (const header of [undefined, '', 'Bearer', 'Bearer ', 'Basic new', 'new', 'Bearer new new'])
    expect(token.accepts(header)).toBe(false);
  expect(token.accepts('bearer   new')).toBe(true);
});

test('without files, or with empty ones, nobody may call', () => {
  expect(world({}).accepts('')).toBe(false);
  expect(world({}).accepts('undefined')).toBe(false);
  expect(world({ '/t/token': '\n' }).token.accepts('Bearer \n')).toBe(false);
});

test('a new token counts at once, an old one for a second at most', async () => {
  const files: Record<string, string> = { '/t/token': 'one' };
  const { clock, accepts } = world(files);
  expect(accepts('one')).toBe(true);
  files['/t/token'] = 'two';
  await clock.advance(60);
  expect(accepts('two')).toBe(true);
  expect(accepts('one')).toBe(false);
  files['/t/token'] = 'three';
  expect(accepts('two')).toBe(true);
  await clock.advance(1_000);
  expect(accepts('two')).toBe(false);
});

test('wrong tokens do not become a read each', async () => {
  const { clock, reads, accepts } = world({ '/t/token': 'one' });
  for (let n = 0; n < 100; n++) accepts('wrong');
  expect(reads()).toBe(2);
  await clock.advance(60);
  accepts('wrong');
  expect(reads()).toBe(4);
});
