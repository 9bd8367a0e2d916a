import { describe, expect, test } from 'vitest';

import { compile } from '../compile/index.ts';
import { credentialKey, hubDocument, readHubMessage, readOperatorMessage } from './index.ts';

const hub = { apiVersion: 'quaymaster.dev/v1alpha1', kind: 'McpHub', metadata: { name: 'h' } };
const [config] = compile([{ ...hub, spec: { servers: { selector: {} }, auth: { mode: 'none' } } }]).hubs;
if (config === undefined) throw new Error('no hub');
const address = { url: 'http://a-server/mcp', bridgeToken: 'k', inCluster: true };
const document = hubDocument({ generation: 3, config, addresses: { 'default/a': address }, hosts: ['h-hub'] });

const load = { inFlight: 0, sessions: 0, streams: 0, eventLoop: 0.1 };
const pod = { name: 'h-1', uid: 'u', ip: '10.0.0.1' };
const hello = { type: 'hello', protocol: 1, hub: 'default/h', pod, version: '0.1.0' };
const report = {
  type: 'report',
  load,
  catalogHash: 'c',
  tools: 1,
  problems: [{ reason: 'NameCollision', message: 'm' }],
  servers: { 'default/a': { observed: { phase: 'Ready' }, inFlight: 0, waiting: 0 } },
};

describe('the control stream', () => {
  test.each([hello, { ...hello, running: { hash: 'x', generation: 1 }, more: 1 }, report])('of hubs: %j', (message) => {
    expect(readHubMessage(JSON.stringify(message))).toEqual({ kind: 'message', message });
  });

  test.each([
    { type: 'config', document },
    { type: 'credentials', hash: 'x', values: { k: 'djE=' } },
    { type: 'peers', peers: [pod] },
    { type: 'endpoints', servers: { 'default/a': [{ address: '10.0.0.2:7575', state: 'ready' }] } },
  ])('of the operator: $type', (message) => {
    expect(readOperatorMessage(JSON.stringify(message))).toEqual({ kind: 'message', message });
  });

  test.each([
    ['{', 'not JSON'],
    ['[]', 'a message is an object with a type'],
    ['{"type":"hello"}', 'a hello message lacks something'],
    [JSON.stringify({ ...hello, pod: { ...pod, uid: 7 } }), 'a hello message lacks something'],
    [JSON.stringify({ ...report, servers: [] }), 'a report message lacks something'],
  ])('%s is malformed', (frame, reason) => {
    expect(readHubMessage(frame)).toEqual({ kind: 'malformed', reason });
  });

  test('a document of a release to come is known by its name; one without is malformed', () => {
    const { hash, generation } = document;
    const frame = (more: object): string => JSON.stringify({ type: 'config', document: { ...document, ...more } });
    expect(readOperatorMessage(frame({ version: 2, config: 'of another shape' }))).toEqual({
      kind: 'newer',
      version: 2,
      generation,
      hash,
    });
    for (const more of [{ version: 0 }, { version: '2' }, { version: 2, hash: 7 }])
      expect(readOperatorMessage(frame(more))).toMatchObject({ kind: 'malformed' });
    expect(readOperatorMessage(frame({ more: 1 }))).toMatchObject({ kind: 'message' });
  });

  test('reports of an older release lack what came later, and those of a newer one say more', () => {
    const later = {
      ...report,
      more: 1,
      servers: { 'default/a': { observed: { phase: 'Sleeping', x: 1 }, inFlight: 0, waiting: 0, y: 1 } },
    };
    expect(readHubMessage(JSON.stringify(later))).toEqual({ kind: 'message', message: later });
  });

  test('what a neighbouring release says more is ignored', () => {
    expect(readOperatorMessage('{"type":"toString"}')).toEqual({ kind: 'ignored', type: 'toString' });
    expect(readHubMessage('{"type":"config"}')).toEqual({ kind: 'ignored', type: 'config' });
  });
});

describe('the document', () => {
  test('its hash follows content, not generation', () => {
    const again = hubDocument({ ...document, generation: 4 });
    expect(again.hash).toBe(document.hash);
    expect(hubDocument({ ...document, hosts: ['other'] }).hash).not.toBe(document.hash);
  });

  test('keys of credentials name neither Secret nor key', () => {
    const key = credentialKey('ns', 'secret', 'token');
    expect(key).toMatch(/^[0-9a-f]{16}$/);
    expect(key).not.toBe(credentialKey('ns', 'secre', 'ttoken'));
  });
});
