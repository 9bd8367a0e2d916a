import { expect, test } from 'vitest';

import type { Exchange } from '../exchange/index.ts';
import { type RawJson, scanObject } from '../wire/index.ts';
import { createRequestIds } from './request-ids.ts';

const trace = '4bf92f3577b34da6a3ce929d0e0e4736';

function withParent(parent?: unknown): Exchange {
  const meta = parent === undefined ? '{}' : `{"traceparent":${JSON.stringify(parent)}}`;
  return { params: scanObject(`{"_meta":${meta}}` as RawJson) } as Exchange;
}

test('EF-71 the trace id names the request when there is one', () => {
  const idOf = createRequestIds('run');
  expect(idOf(withParent(`00-${trace}-00f067aa0ba902b7-01`))).toBe(trace);
});

test('EF-71 without a valid trace context every request has an id of its own', () => {
  const idOf = createRequestIds('run');
  const bad = [
    undefined,
    '',
    7,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-${trace.toUpperCase()}-00f067aa0ba902b7-01`,
    trace,
  ];
  const ids = bad.map((parent) => idOf(withParent(parent)));
  expect(ids).toEqual(['run-1', 'run-2', 'run-3', 'run-4', 'run-5', 'run-6']);
  expect(idOf({ params: undefined } as Exchange)).toBe('run-7');
});
