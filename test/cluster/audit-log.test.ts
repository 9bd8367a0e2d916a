import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isWrite, parseAuditLog, readAuditLog } from './audit-log.ts';

const line = (more: Record<string, unknown> = {}): string =>
  JSON.stringify({
    stage: 'ResponseComplete',
    verb: 'patch',
    requestURI: '/apis/apps/v1/namespaces/a/deployments/d/status?fieldManager=x',
    user: { username: 'system:serviceaccount:a:operator' },
    userAgent: 'operator/1',
    objectRef: { resource: 'deployments', subresource: 'status', apiGroup: 'apps', namespace: 'a', name: 'd' },
    responseStatus: { code: 200 },
    requestReceivedTimestamp: '2026-11-21T14:04:07.295662Z',
    ...more,
  });
const long = new Date(0);
const read = (...lines: string[]) => parseAuditLog(lines.map((one) => `${one}\n`).join(''), long);

test('a request is one event: who, what, with which answer', () => {
  expect(read(line())).toEqual([
    {
      at: new Date('2026-11-21T14:04:07.295Z'),
      verb: 'patch',
      user: 'system:serviceaccount:a:operator',
      userAgent: 'operator/1',
      resource: 'deployments/status',
      group: 'apps',
      namespace: 'a',
      name: 'd',
      code: 200,
      uri: '/apis/apps/v1/namespaces/a/deployments/d/status?fieldManager=x',
    },
  ]);
});

test('the start of an answer is not its end, a panic is', () => {
  expect(read(line({ stage: 'ResponseStarted' }), line({ stage: 'Panic', responseStatus: undefined }))).toMatchObject([
    { code: 0 },
  ]);
});

test('what came before is left out, and so is a line that is still being written', () => {
  const text = `${line()}\n${line({ requestReceivedTimestamp: '2026-11-21T14:05:00Z', verb: 'delete' })}\n{"stage":"Resp`;
  expect(parseAuditLog(text, new Date('2026-11-21T14:04:30Z')).map((event) => event.verb)).toEqual(['delete']);
});

test('a request without a resource is known by its path', () => {
  expect(read(line({ objectRef: undefined, verb: 'get', requestURI: '/metrics', userAgent: undefined }))).toMatchObject(
    [{ resource: '/metrics', group: '', userAgent: '', name: undefined }],
  );
});

test.each([
  ['create', '', true],
  ['update', '', true],
  ['patch', '', true],
  ['delete', '', true],
  ['deletecollection', '', true],
  ['get', '', false],
  ['watch', '', false],
  ['patch', '&dryRun=All', false],
])('%s%s is a write: %s', (verb, query, expected) => {
  const [event] = read(line({ verb, requestURI: `/api/v1/namespaces/a/pods?x=y${query}` }));
  expect(event === undefined ? undefined : isWrite(event)).toBe(expected);
});

test('the file is read as it is at that moment', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'qm-audit-'));
  try {
    writeFileSync(join(folder, 'audit.log'), `${line()}\n`);
    expect(await readAuditLog(join(folder, 'audit.log'), long)).toHaveLength(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
