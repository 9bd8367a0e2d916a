import { expect, test } from 'vitest';

import { limitConnections, type LimitedServer } from './connection-limits.ts';

const server = (): LimitedServer => ({ maxConnections: 0, headersTimeout: 0, requestTimeout: 0 });
const hub = (limits: object, timeouts: object) => ({ graph: { config: { limits, timeouts } } }) as never;

test('HT-5.12 connections of all hubs add up, open streams come on top, the longer time holds', () => {
  const limited = server();
  const one = hub({ connections: 10 }, { headersMs: 100, bodyMs: 900 });
  const other = hub({ connections: 5 }, { headersMs: 200, bodyMs: 300 });
  limitConnections(limited, [one, other], 7, {});
  expect(limited).toEqual({ maxConnections: 22, headersTimeout: 200, requestTimeout: 900 });
});

test('no hub, or configurations of older releases: what was fixed then', () => {
  const fixed = { maxConnections: 2_000, headersTimeout: 10_000, requestTimeout: 30_000 };
  for (const hubs of [[], [hub({}, {})]]) {
    const limited = server();
    limitConnections(limited, hubs, 0, {});
    expect(limited).toEqual(fixed);
  }
});

test('whoever opens the listener may overrule', () => {
  const limited = server();
  const times = { headersMs: 1, requestMs: 2, idleMs: 3, lookMs: 4 };
  limitConnections(limited, [hub({ connections: 10 }, {})], 1, { maxConnections: 3, times });
  expect(limited).toEqual({ maxConnections: 4, headersTimeout: 1, requestTimeout: 2 });
});
