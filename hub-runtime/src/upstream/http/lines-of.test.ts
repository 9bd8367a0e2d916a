import { expect, test } from 'vitest';

import { ConnectError } from '../conversation.ts';
import { linesOf } from './lines-of.ts';

test('headers are put together once; one that HTTP does not allow ends the start without being quoted', () => {
  expect(linesOf(['a', '1', 'b', 'two words'])).toBe('a: 1\r\nb: two words\r\n');
  const secret = (): string => linesOf(['authorization', 'Bearer x\r\nhost: elsewhere']);
  expect(secret).toThrow(ConnectError);
  expect(secret).not.toThrow(/Bearer/);
});
