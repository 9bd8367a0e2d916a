import { expect, test } from 'vitest';

import { maskedObject } from './masked-object.ts';

test('EF-72 what a manifest holds of secrets is not shown, references and the rest are', () => {
  const shown = maskedObject({
    metadata: { name: 'a' },
    spec: {
      source: {
        remote: {
          url: 'https://user:hunter2222@example.com/mcp?token=hunter3333&page=2',
          headers: [
            { name: 'X-Anything', value: 'hunter4444' },
            { name: 'Authorization', secretKeyRef: { name: 'keys', key: 'api' } },
          ],
        },
        command: { command: 'node', args: ['--api-token', 'hunter5555', '--verbose', 'yes', '--password=hunter6666'] },
      },
      env: [
        { name: 'API_TOKEN', value: 'hunter7777' },
        { name: 'REGION', value: 'north' },
        { name: 'DB_PASSWORD', secretKeyRef: { name: 'db', key: 'password' } },
      ],
      instances: { max: 4 },
    },
    status: { replicas: 1, ready: true, note: 'Secret: "gh" does not exist' },
  });
  expect(JSON.stringify(shown)).not.toContain('hunter');
  expect(shown).toMatchObject({
    spec: {
      source: {
        remote: {
          headers: [{ name: 'X-Anything', value: '[masked]' }, { secretKeyRef: { name: 'keys', key: 'api' } }],
        },
        command: { args: ['--api-token', '[masked]', '--verbose', 'yes', '--password=[masked]'] },
      },
      env: [
        { name: 'API_TOKEN', value: '[masked]' },
        { name: 'REGION', value: 'north' },
        { name: 'DB_PASSWORD', secretKeyRef: { name: 'db', key: 'password' } },
      ],
      instances: { max: 4 },
    },
    status: { replicas: 1, ready: true, note: 'Secret: "gh" does not exist' },
  });
});
