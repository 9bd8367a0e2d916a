import { expect, test } from 'vitest';

import { rawOf } from '../wire/index.ts';
import { Envelopes } from './envelopes.ts';

test('checklist 18, 47: each caller’s own declaration, tasks only of modern ones; made once per declaration', () => {
  const envelopes = new Envelopes(rawOf({ name: 'hub', version: '1' }));
  const tasks = rawOf({ extensions: { 'io.modelcontextprotocol/tasks': {} } });
  const modern = envelopes.of({ capabilities: tasks, era: 'modern' });
  expect(modern).toContain('io.modelcontextprotocol/tasks');
  expect(envelopes.of({ capabilities: tasks, era: 'legacy' })).not.toContain('io.modelcontextprotocol/tasks');
  expect(envelopes.of({ capabilities: tasks, era: 'modern' })).toBe(modern);
  expect(envelopes.of({ capabilities: rawOf({}), era: 'modern' })).toBe(envelopes.own);
  // Only so many are kept; what is made anew is the same.
  for (let n = 0; n < 300; n++) envelopes.of({ capabilities: rawOf({ experimental: { n } }), era: 'modern' });
  expect(envelopes.of({ capabilities: tasks, era: 'modern' })).toBe(modern);
});
