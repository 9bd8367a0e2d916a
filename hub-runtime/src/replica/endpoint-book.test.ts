import { expect, test } from 'vitest';

import { EndpointBook } from './endpoint-book.ts';

const at = (address: string, state: 'ready' | 'draining' = 'ready') => ({ address, state });

test('a feed tells what was heard, and only changes', () => {
  const book = new EndpointBook();
  const feed = book.feed('default/a');
  let told = 0;
  const stop = feed.subscribe(() => told++);
  expect(feed.current).toBeUndefined();
  book.update({ 'default/a': [at('10.0.0.1:80')], 'default/b': [] });
  expect(feed.current).toEqual([at('10.0.0.1:80')]);
  expect(book.feed('default/b').current).toEqual([]);
  book.update({ 'default/a': [at('10.0.0.1:80')], 'default/b': [] });
  expect(told).toBe(1);
  book.update({ 'default/a': [at('10.0.0.1:80', 'draining')] });
  book.update({ 'default/a': [at('10.0.0.1:80', 'draining'), at('10.0.0.2:80')] });
  book.update({});
  expect([told, feed.current]).toEqual([4, undefined]);
  stop();
  book.update({ 'default/a': [] });
  expect(told).toBe(4);
  expect(book.feed('default/a')).toBe(feed);
});

test('what is forgotten comes back with the next word; what left the configuration is gone', () => {
  const book = new EndpointBook();
  const feed = book.feed('default/a');
  const heard = { 'default/a': [at('10.0.0.1:80')] };
  book.update(heard);
  book.forget('default/a');
  book.forget('default/unknown');
  expect(feed.current).toBeUndefined();
  book.update(heard);
  expect(feed.current).toHaveLength(1);
  book.keep(new Set());
  expect(book.feed('default/a')).not.toBe(feed);
  expect(book.feed('default/a').current).toHaveLength(1);
  expect(book.feed('__proto__').current).toBeUndefined();
});

test.each(['a word', 'giving up'])('what waits for the first word goes on with %s', async (how) => {
  const book = new EndpointBook();
  let heard = false;
  void book.heard.then(() => (heard = true));
  await Promise.resolve();
  expect(heard).toBe(false);
  if (how === 'a word') book.update({});
  else book.giveUp();
  await book.heard;
  expect(heard).toBe(true);
});
