import { describe, expect, test } from 'vitest';

import type { EndpointSlice, Pod } from '../world/index.ts';
import { endpointsOf, mostEndpoints, peersOf } from './endpoints.ts';

type Endpoints = NonNullable<EndpointSlice['endpoints']>;
const slice = (endpoints: Endpoints, ports: EndpointSlice['ports'] = [{ name: 'mcp', port: 7575 }]): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 's' },
  endpoints,
  ports,
});
const at = (ip: string, conditions: Endpoints[number]['conditions'] = { ready: true }): Endpoints[number] => ({
  addresses: [ip],
  ...(conditions === undefined ? {} : { conditions }),
});

describe('endpoints of a server', () => {
  test('ready, draining and starting, in that order', () => {
    const found = endpointsOf([
      slice([
        at('10.0.0.4', { ready: false, serving: false, terminating: false }),
        at('10.0.0.3', { ready: false, serving: true, terminating: true }),
        at('10.0.0.2'),
        at('10.0.0.1'),
      ]),
    ]);
    expect(found).toEqual([
      { address: '10.0.0.1:7575', state: 'ready' },
      { address: '10.0.0.2:7575', state: 'ready' },
      { address: '10.0.0.3:7575', state: 'draining' },
      { address: '10.0.0.4:7575', state: 'starting' },
    ]);
  });

  test('what ends and serves no more is gone', () => {
    expect(endpointsOf([slice([at('10.0.0.1', { ready: false, serving: false, terminating: true })])])).toEqual([]);
  });

  test('an unknown readiness is readiness, as the API says', () => {
    expect(endpointsOf([slice([at('10.0.0.1', { ready: null }), { addresses: ['10.0.0.2'] }])])).toMatchObject([
      { state: 'ready' },
      { state: 'ready' },
    ]);
  });

  test('in two slices while it moves: once, with the better state', () => {
    const moving = [slice([at('10.0.0.1', { ready: false })]), slice([at('10.0.0.1')])];
    expect(endpointsOf(moving)).toEqual([{ address: '10.0.0.1:7575', state: 'ready' }]);
    expect(endpointsOf(moving.toReversed())).toEqual([{ address: '10.0.0.1:7575', state: 'ready' }]);
  });

  test('IPv6 in brackets; without our port, addresses or endpoints there is nothing', () => {
    expect(endpointsOf([slice([at('fd00::1')])])).toEqual([{ address: '[fd00::1]:7575', state: 'ready' }]);
    expect(endpointsOf([slice([at('10.0.0.1')], [{ name: 'other', port: 1 }])])).toEqual([]);
    expect(endpointsOf([slice([at('10.0.0.1')], null)])).toEqual([]);
    expect(endpointsOf([{ ...slice([]), endpoints: null }, slice([{}])])).toEqual([]);
  });

  test('bounded, ready ones first', () => {
    const many = Array.from({ length: mostEndpoints + 50 }, (_, i) =>
      at(`10.1.${i >> 8}.${i & 255}`, { ready: false }),
    );
    const found = endpointsOf([slice([...many, at('10.0.0.1')])]);
    expect(found).toHaveLength(mostEndpoints);
    expect(found[0]).toEqual({ address: '10.0.0.1:7575', state: 'ready' });
  });
});

test('peers: sorted, with those that end and without those that have ended or have no address', () => {
  const pod = (name: string, status: Pod['status'], deletionTimestamp?: string): Pod => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, uid: `uid-${name}`, ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }) },
    ...(status === undefined ? {} : { status }),
  });
  expect(
    peersOf([
      pod('c', { podIP: '10.0.0.3', phase: 'Running' }, 'now'),
      pod('a', { podIP: '10.0.0.1', phase: 'Running' }),
      pod('b', { phase: 'Pending' }),
      pod('d', { podIP: '10.0.0.4', phase: 'Failed' }),
      pod('e', undefined),
    ]),
  ).toEqual([
    { name: 'a', uid: 'uid-a', ip: '10.0.0.1' },
    { name: 'c', uid: 'uid-c', ip: '10.0.0.3' },
  ]);
});
