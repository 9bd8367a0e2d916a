import { expect, test } from 'vitest';
import { OutputTail } from './output-tail.ts';

test('HT-2.17 the newest bytes are kept, whole characters across chunks, never more than the limit', () => {
  const tail = new OutputTail(10);
  expect(tail.text()).toBe('');
  const bytes = Buffer.from('grün');
  tail.add(bytes.subarray(0, 3));
  tail.add(bytes.subarray(3));
  expect(tail.text()).toBe('grün');
  for (let n = 0; n < 100; n += 1) tail.add(Buffer.from(String(n % 10)));
  expect(tail.text()).toBe('0123456789');
});
