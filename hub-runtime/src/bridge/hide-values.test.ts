import { expect, test } from 'vitest';

import { hideValues } from './hide-values.ts';

test.each([
  ['password=hunter22, again hunter22', ['hunter22'], 'password=[masked], again [masked]'],
  ['a longer one first: secret-token', ['secret', 'secret-token'], 'a longer one first: [masked]'],
  ['line by line: MIIEfirst', ['-----\nMIIEfirst\r\nsecond\n'], 'line by line: [masked]'],
  ['with its line end: hunter22', ['hunter22\n'], 'with its line end: [masked]'],
  ['no pattern: a.c+ stays, a.b+ goes', ['a.b+'], 'no pattern: a.c+ stays, [masked] goes'],
  ['port 443 is no secret', ['443', '', ' '], 'port 443 is no secret'],
  ['nothing to hide', undefined, 'nothing to hide'],
])('EF-72 %s', (text, values, shown) => {
  expect(hideValues(values)(text)).toBe(shown);
});
