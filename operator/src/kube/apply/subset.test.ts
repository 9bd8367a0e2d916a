import { describe, expect, test } from 'vitest';

import { differences } from './subset.ts';

describe('subset', () => {
  const paths = (wanted: unknown, have: unknown, kind = 'Deployment'): string[] =>
    differences(wanted, have, kind).map((each) => each.path);
  const container = (over: object) => ({ spec: { template: { spec: { containers: [{ name: 'main', ...over }] } } } });

  test('foreign members, items of keyed lists and defaulted fields do not count', () => {
    const have = {
      spec: {
        replicas: 3,
        template: {
          spec: {
            dnsPolicy: 'ClusterFirst',
            containers: [
              { name: 'sidecar' },
              {
                name: 'main',
                image: 'i',
                env: [
                  { name: 'X', value: '' },
                  { name: 'A', value: '1' },
                ],
                terminationMessagePath: '/dev',
              },
            ],
          },
        },
      },
    };
    expect(paths(container({ image: 'i', env: [{ name: 'A', value: '1' }] }), have)).toEqual([]);
  });

  test('a changed item of a keyed list is found under its key; a missing one too', () => {
    expect(paths(container({ image: 'b' }), container({ image: 'a' }))).toEqual([
      '/spec/template/spec/containers/"main"/image',
    ]);
    expect(paths(container({}), { spec: { template: { spec: { containers: [] } } } })).toEqual([
      '/spec/template/spec/containers/"main"',
    ]);
  });

  test('ports match by their keys with the default protocol', () => {
    expect(
      paths(
        container({ ports: [{ containerPort: 80 }] }),
        container({ ports: [{ containerPort: 80, protocol: 'TCP' }] }),
      ),
    ).toEqual([]);
    expect(
      paths(
        { spec: { ports: [{ port: 80 }] } },
        { spec: { ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }] } },
        'Service',
      ),
    ).toEqual([]);
    expect(
      paths(
        container({ ports: [{ containerPort: 80, protocol: 'UDP' }] }),
        container({ ports: [{ containerPort: 80, protocol: 'TCP' }] }),
      ),
    ).toHaveLength(1);
  });

  test('lists that are owned whole: one more item by hand is drift (a role that grew, a port that was opened)', () => {
    expect(paths({ rules: [{ verbs: ['get'] }] }, { rules: [{ verbs: ['get'] }, { verbs: ['*'] }] }, 'Role')).toEqual([
      '/rules',
    ]);
    expect(
      paths({ subjects: [{ name: 'a' }] }, { subjects: [{ name: 'a' }, { name: 'evil' }] }, 'RoleBinding'),
    ).toEqual(['/subjects']);
    expect(
      paths(
        { spec: { ingress: [{ ports: [{ port: 1 }] }] } },
        { spec: { ingress: [{ ports: [{ port: 1, protocol: 'TCP' }, { port: 2 }] }] } },
        'NetworkPolicy',
      ),
    ).toEqual(['/spec/ingress/0/ports']);
    expect(paths(container({ args: ['a', 'b'] }), container({ args: ['b', 'a'] }))).toHaveLength(2);
  });

  test('finalizers are a set, owner references are matched by uid', () => {
    expect(paths({ metadata: { finalizers: ['x'] } }, { metadata: { finalizers: ['y', 'x'] } })).toEqual([]);
    expect(paths({ metadata: { finalizers: ['z'] } }, { metadata: { finalizers: ['y'] } })).toEqual([
      '/metadata/finalizers',
    ]);
    expect(
      paths(
        { metadata: { ownerReferences: [{ uid: '1' }] } },
        { metadata: { ownerReferences: [{ uid: '2' }, { uid: '1' }] } },
      ),
    ).toEqual([]);
  });

  test.each([
    ['500m', '0.5', true],
    ['1Gi', '1024Mi', true],
    ['1', 1, true],
    ['1e3', '1k', true],
    ['100m', '0.2', false],
    ['1x', '1', false],
    [true, '1', false],
  ])('quantities %s and %s: equal %s', (a, b, equal) => {
    expect(
      paths(container({ resources: { limits: { cpu: a } } }), container({ resources: { limits: { cpu: b } } })),
    ).toHaveLength(equal ? 0 : 1);
  });

  test('elsewhere a text is a text', () => {
    expect(paths({ metadata: { labels: { size: '1Ki' } } }, { metadata: { labels: { size: '1024' } } })).toHaveLength(
      1,
    );
  });

  test('absent, null and empty are the same wish; an empty object allows what is there', () => {
    expect(paths({ a: undefined, b: null, c: {}, d: [] }, {})).toEqual([]);
    expect(paths({ c: {} }, { c: { x: 1 } })).toEqual([]);
    expect(paths({ b: null }, { b: 1 })).toEqual(['/b']);
    expect(paths({ d: [] }, { d: [1] })).toEqual(['/d']);
    expect(paths({ automount: false }, {})).toEqual(['/automount']);
    expect(paths({ a: { b: 1 } }, { a: 'text' })).toEqual(['/a']);
    expect(paths({ a: [1] }, { a: 'text' })).toEqual(['/a']);
  });

  test('lists of own kinds can be given keys, and the number of differences is bounded', () => {
    expect(
      differences({ spec: { hosts: [{ host: 'a' }] } }, { spec: { hosts: [{ host: 'b' }, { host: 'a' }] } }, 'X', {
        listKeys: { 'spec.hosts': ['host'] },
      }),
    ).toEqual([]);
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, i]));
    expect(differences(many, {}, 'X', { max: 5 })).toHaveLength(5);
  });
});
