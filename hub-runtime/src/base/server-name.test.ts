import { expect, test } from 'vitest';

import { errorTable } from './errors.ts';
import { serverName } from './server-name.ts';

test('messages name a server as it stands in its manifest', () => {
  expect([serverName('default/files'), serverName('team/files'), serverName('files')]).toEqual([
    'files',
    'team/files',
    'files',
  ]);
  expect(errorTable.QM_SERVER_GONE.say({ server: 'default/files', reason: 'it ended' })).toContain(
    'server "files" went',
  );
});
