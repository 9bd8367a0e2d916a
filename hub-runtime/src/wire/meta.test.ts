import { describe, expect, test } from 'vitest';

import { claimsModern, modernEnvelope, readMeta, upstreamMeta } from './meta.ts';
import { parseRaw, type RawJson, rawOf } from './raw.ts';
import { metaKey } from './revisions.ts';
import { traceMembers } from './trace-context.ts';
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
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
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
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      'com.example/x': { deep: ['é'] },
    });
  });

  test('toward a legacy server nothing of the envelope is left', () => {
    const up = upstreamMeta(meta(fromClient), '', 7, 'warning');
    expect(up && parseRaw(up)).toEqual({
      progressToken: 7,
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      'com.example/x': { deep: ['é'] },
    });
  });

  test('checklist 19: a trace context passes with its state, one that is none does not; that of the headers counts where there is no other', () => {
    const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const other = parent.replace('0af7', '1af7');
    const up = (given: Readonly<Record<string, unknown>>, trace?: string): unknown => {
      const raw = upstreamMeta(meta(given), '', undefined, undefined, undefined, trace);
      return raw === undefined ? undefined : parseRaw(raw);
    };
    const headers = traceMembers({ traceparent: other, tracestate: 'a=1', baggage: 'k="v"' });
    const fromHeaders = { traceparent: other, tracestate: 'a=1', baggage: 'k="v"' };
    expect(up({ traceparent: parent, tracestate: 'x=2', baggage: 'b' }, headers)).toEqual({
      traceparent: parent,
      tracestate: 'x=2',
      baggage: 'b',
    });
    expect(up({}, headers)).toEqual(fromHeaders);
    expect(up({ v: 1, traceparent: '00-a-b-01' }, headers)).toEqual({ v: 1, ...fromHeaders });
    for (const wrong of ['00-a-b-01', 7, `${parent}x`, parent.replace(/b7ad\w+-/, `${'0'.repeat(16)}-`), ''])
      expect(up({ traceparent: wrong })).toBeUndefined();
    for (const wrong of [{}, { traceparent: 'x' }, { traceparent: [parent] }])
      expect(traceMembers(wrong)).toBeUndefined();
    expect(traceMembers({ traceparent: parent, tracestate: '\u0007', baggage: 'x'.repeat(9_000) })).toBe(
      `"traceparent":"${parent}"`,
    );
  });

  test('says nothing when there is nothing to say', () => {
    expect(upstreamMeta(undefined, '', undefined)).toBeUndefined();
    expect(upstreamMeta(meta({ progressToken: 1 }), '', undefined)).toBeUndefined();
    expect(upstreamMeta(undefined, '', 0)).toBe('{"progressToken":0}');
  });
});
