import { describe, expect, test } from 'vitest';

import {
  classify,
  errorFromStatus,
  immutableFields,
  isExpired,
  isNamespaceTerminating,
  isVersionTooLarge,
  KubeError,
} from './kube-error.ts';
import { createLineSplitter } from './line-splitter.ts';
import { retryAfterMs } from './retry-after.ts';

const status = (code: number, over: object = {}): KubeError =>
  new KubeError('KUBE_STATUS', 'x', { status: code, ...over });

describe('classify', () => {
  test.each([
    ['a conflict', status(409), 'conflict'],
    ['not there', status(404), 'gone'],
    ['expired', status(410), 'gone'],
    ['invalid', status(422), 'terminal'],
    ['wrong type', status(415), 'terminal'],
    ['a bad request', status(400), 'terminal'],
    ['too many', status(429), 'retry'],
    ['quota or RBAC, which can be lifted', status(403), 'retry'],
    ['a namespace that is being deleted', status(403, { causes: [{ reason: 'NamespaceTerminating' }] }), 'terminal'],
    ['a server error', status(500), 'retry'],
    ['401', status(401), 'retry'],
    ['no network', new KubeError('KUBE_NETWORK', 'x'), 'retry'],
    ['no answer', new KubeError('KUBE_TIMEOUT', 'x'), 'retry'],
    ['a bound of ours', new KubeError('KUBE_LIMIT', 'x'), 'retry'],
    ['not the leader', new KubeError('KUBE_FENCED', 'x'), 'terminal'],
    ['a bad kubeconfig', new KubeError('KUBE_CONFIG', 'x'), 'terminal'],
    ['a fault of our code', new TypeError('x'), 'retry'],
  ])('%s', (_what, error, verdict) => {
    expect(classify(error)).toBe(verdict);
  });
});

test('410 is recognised in both forms, and nothing else', () => {
  expect(isExpired(errorFromStatus(410, undefined, 'w'))).toBe(true);
  expect(isExpired(errorFromStatus(500, { reason: 'Expired' }, 'w'))).toBe(true);
  expect(isExpired(errorFromStatus(500, { reason: 'Gone' }, 'w'))).toBe(true);
  expect(isExpired(status(404))).toBe(false);
  expect(isExpired(new Error('410'))).toBe(false);
});

test('a version in the future is recognised by cause or by text', () => {
  expect(isVersionTooLarge(status(504, { causes: [{ reason: 'ResourceVersionTooLarge' }] }))).toBe(true);
  expect(
    isVersionTooLarge(errorFromStatus(504, { message: 'Timeout: Too large resource version: 9, current: 5' }, 'w')),
  ).toBe(true);
  expect(isVersionTooLarge(status(504))).toBe(false);
  expect(isVersionTooLarge(new Error('too large resource version'))).toBe(false);
  expect(isNamespaceTerminating(new Error('x'))).toBe(false);
});

test('immutable fields are named', () => {
  const causes = [
    { field: 'spec.selector', message: 'Invalid value: {...}: field is immutable' },
    { field: 'spec.clusterIPs[0]', message: 'Invalid value: may not change once set: may not be changed' },
    { field: 'spec.other', message: 'Required value' },
    {},
  ];
  expect(immutableFields(status(422, { causes }))).toEqual(['spec.selector', 'spec.clusterIPs[0]']);
  expect(
    immutableFields(
      errorFromStatus(422, { message: 'updates to statefulset spec for fields other than x are forbidden' }, 'w'),
    ),
  ).toEqual(['spec']);
  expect(immutableFields(status(422))).toEqual([]);
  expect(immutableFields(status(409, { causes }))).toEqual([]);
  expect(immutableFields(new Error('immutable'))).toEqual([]);
  expect(immutableFields(status(422, { causes: [{ message: 'field is immutable' }] }))).toEqual(['']);
});

test('Retry-After: seconds or a date, bounded, rubbish ignored', () => {
  const now = Date.UTC(2026, 0, 1);
  expect(retryAfterMs('5', now)).toBe(5000);
  expect(retryAfterMs(new Date(now + 9000).toUTCString(), now)).toBe(9000);
  expect(retryAfterMs(new Date(now - 9000).toUTCString(), now)).toBe(0);
  expect(retryAfterMs('999999', now)).toBe(300_000);
  expect([retryAfterMs(undefined, now), retryAfterMs('', now), retryAfterMs('soon', now)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test('lines are split wherever the chunks are cut, and bounded', () => {
  const text = Buffer.from('eins\nzwei ü\n\ndrei\n');
  for (let cut = 0; cut <= text.length; cut++) {
    const lines: string[] = [];
    const splitter = createLineSplitter((line) => lines.push(line.toString()), 10);
    splitter.push(text.subarray(0, cut));
    splitter.push(text.subarray(cut));
    expect(lines).toEqual(['eins', 'zwei ü', 'drei']);
    expect(splitter.pending).toBe(0);
  }
  const splitter = createLineSplitter(() => {}, 10);
  splitter.push(Buffer.from('12345'));
  expect(() => splitter.push(Buffer.from('678901'))).toThrow('over 10 bytes');
});
