import { describe, expect, test } from 'vitest';

import { claimsModern, modernEnvelope, readMeta, upstreamMeta } from './meta.ts';
import { parseRaw, type RawJson, rawOf } from './raw.ts';
import { metaKey } from './revisions.ts';
import { scanObject } from './scan-values.ts';
import type { ScannedObject } from './scanner.ts';

function meta(value: Readonly<Record<string, unknown>>): ScannedObject | undefined {
  return scanObject(rawOf(value));
}

const fromClient = {
  [metaKey.protocolVersion]: '2026-07-28',
  [metaKey.clientCapabilities]: { elicitation: {} },
  [metaKey.clientInfo]: { name: 'c', version: '1' },
  [metaKey.logLevel]: 'info',
  [metaKey.subscriptionId]: 's',
  [metaKey.serverInfo]: { name: 'liar' },
  [metaKey.upstream]: 'forged',
  'dev.quaymaster/anything': 1,
  progressToken: 'p1',
  traceparent: '00-a-b-01',
  'com.example/x': { deep: ['é'] },
};

describe('readMeta', () => {
  test('splits the envelope from the rest, raw', () => {
    expect(readMeta(meta(fromClient))).toEqual({
      protocolVersion: '"2026-07-28"',
      clientCapabilities: '{"elicitation":{}}',
      clientInfo: '{"name":"c","version":"1"}',
      logLevel: '"info"',
      progressToken: '"p1"',
    });
    expect(readMeta(undefined).progressToken).toBeUndefined();
    expect(readMeta(meta({})).progressToken).toBeUndefined();
  });

  test('an escaped version is the same version', () => {
    const escaped = scanObject(`{"${metaKey.protocolVersion}":"2026\\u002d07-28"}` as RawJson);
    expect(readMeta(escaped).protocolVersion).toBe('"2026-07-28"');
  });

  test('the claim is there or not, whatever its type', () => {
    const params = (inner: unknown): ScannedObject | undefined => scanObject(rawOf({ _meta: inner }));
    expect(claimsModern(params({ [metaKey.protocolVersion]: 7 }))).toBe(true);
    expect(claimsModern(params({ progressToken: 1 }))).toBe(false);
    expect(claimsModern(params('x'))).toBe(false);
    expect(claimsModern(undefined)).toBe(false);
  });
});

describe('upstreamMeta', () => {
  const envelope = modernEnvelope(rawOf({ name: 'quaymaster', version: '1' }), rawOf({}));

  test('HT-0.01 checklist 18: the envelope is rebuilt, vendor keys and trace pass, hop keys and forged ones do not', () => {
    const up = upstreamMeta(meta(fromClient), envelope, 42, 'warning');
    expect(up && parseRaw(up)).toEqual({
      [metaKey.protocolVersion]: '2026-07-28',
      [metaKey.clientCapabilities]: {},
      [metaKey.clientInfo]: { name: 'quaymaster', version: '1' },
      [metaKey.logLevel]: 'warning',
      progressToken: 42,
      traceparent: '00-a-b-01',
      'com.example/x': { deep: ['é'] },
    });
  });

  test('toward a legacy server nothing of the envelope is left', () => {
    const up = upstreamMeta(meta(fromClient), '', 7, 'warning');
    expect(up && parseRaw(up)).toEqual({
      progressToken: 7,
      traceparent: '00-a-b-01',
      'com.example/x': { deep: ['é'] },
    });
  });

  test('says nothing when there is nothing to say', () => {
    expect(upstreamMeta(undefined, '', undefined)).toBeUndefined();
    expect(upstreamMeta(meta({ progressToken: 1 }), '', undefined)).toBeUndefined();
    expect(upstreamMeta(undefined, '', 0)).toBe('{"progressToken":0}');
  });
});
