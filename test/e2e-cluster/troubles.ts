/**
 * What only the world can tell, as conditions on real Pods: each names the object and the next step, shows where people look, and clears by
 * itself when the world does, without a touch of the manifest.
 */
import type { Cluster } from '@quaymaster/cluster';
import { beforeAll, describe, expect, test } from 'vitest';

import { loadKitImage } from '../installed/index.ts';
import type { ServerScript } from '../kit/index.ts';
import { kitImage } from '../parity/world.ts';
import type { GatedMirror } from './gated-mirror.ts';
import { type Manifest, mcpHub, mcpServer, Place, secret } from './observed.ts';

const script = (more: ServerScript = {}): string[] => [
  '--script',
  JSON.stringify({ tools: [{ name: 'echo' }], ...more }),
];
const program = (more: ServerScript = {}) => ({
  source: { command: { command: 'kit-stdio', args: script(more), image: kitImage } },
});
const listening = (more: ServerScript = {}) => ({
  source: { image: { image: kitImage, args: script({ http: { host: '0.0.0.0', port: 8080 }, ...more }) } },
  http: { port: 8080 },
});
/** Kubernetes tries again with pauses that double; they are about as long as the trouble lasted. */
const clearsMs = 110_000;
const lateImage = 'quaymaster.local/late:1';

interface Trouble {
  readonly server: string;
  readonly reason: string;
  readonly type?: string;
  /** Of the condition: the object and what to do. */
  readonly says: readonly RegExp[];
  readonly manifests: (place: Place) => readonly Manifest[];
  readonly mend: (place: Place, cluster: Cluster) => Promise<unknown>;
}

export function troubles(given: () => Cluster, registry: () => GatedMirror): void {
  const all: readonly Trouble[] = [
    {
      // Comes up with its fourth start, after the kubelet's pauses of 10 and 20 seconds.
      server: 'stumbling',
      reason: 'CrashLoop',
      says: [/keeps exiting/, /log/],
      manifests: () => [
        mcpServer('stumbling', {
          ...listening({ startup: { failFirst: { times: 3, counterFile: '/scratch/starts' } } }),
          roots: [{ name: 'scratch', emptyDir: {}, mountPath: '/scratch' }],
        }),
      ],
      mend: async () => undefined,
    },
    {
      server: 'secretive',
      reason: 'SecretNotFound',
      type: 'ResolvedRefs',
      says: [/Secret/, /passwords/],
      manifests: () => [
        mcpServer('secretive', {
          ...program(),
          env: [{ name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'passwords', key: 'mine' } } }],
        }),
      ],
      mend: (place) => place.apply(secret('passwords', { mine: 'x' })),
    },
    {
      server: 'unpublished',
      reason: 'PackageNotFound',
      says: [/server-memory/, /package/],
      manifests: () => [
        mcpServer('unpublished', {
          source: { npm: { package: '@modelcontextprotocol/server-memory', version: '2026.8.31' } },
        }),
      ],
      mend: async () => registry().publish(),
    },
    {
      server: 'taken',
      reason: 'NameTaken',
      says: [/taken-server/, /rename or delete/],
      manifests: () => [
        { apiVersion: 'v1', kind: 'Service', metadata: { name: 'taken-server' }, spec: { ports: [{ port: 80 }] } },
        mcpServer('taken', program()),
      ],
      mend: (place) => place.kubectl(['delete', 'service', 'taken-server']),
    },
    {
      server: 'nobody',
      reason: 'PodsRefused',
      says: [/someone/, /spec\.template/],
      manifests: () => [mcpServer('nobody', { ...program(), template: { spec: { serviceAccountName: 'someone' } } })],
      mend: (place) => place.kubectl(['create', 'serviceaccount', 'someone']),
    },
    {
      server: 'late',
      reason: 'ImagePullFailed',
      says: [/quaymaster\.local\/late:1/, /imagePullSecrets/],
      manifests: () => [
        mcpServer('late', { source: { command: { command: 'kit-stdio', args: script(), image: lateImage } } }),
      ],
      mend: (_, cluster) => loadKitImage(cluster, lateImage),
    },
  ];

  describe('troubles of the world', () => {
    let place: Place;
    let narrow: Place;

    beforeAll(async () => {
      place = new Place(given(), 'troubles');
      narrow = new Place(given(), 'narrow');
      await Promise.all([place.make(), narrow.make()]);
      await narrow.apply(quota(0));
      await narrow.apply(mcpHub(), mcpServer('crowded', program()));
      await place.apply(mcpHub(), mcpServer('well', program()), ...all.flatMap((one) => one.manifests(place)));
      await place.ready('well');
    });

    test.each(all)('HT-0.09 $server: $reason is a condition that names the object and the next step', async (one) => {
      const type = one.type ?? 'Ready';
      const found = await place.is({ type, status: 'False', reason: one.reason }, one.server, { timeoutMs: 60_000 });
      for (const words of one.says) expect(found.message).toMatch(words);
      const described = await place.kubectl(['describe', `mcpservers.quaymaster.dev/${one.server}`]);
      expect(described).toContain(found.message.slice(0, 60));
      const listed = await place.kubectl(['get', 'mcs', one.server, '-o', 'wide']);
      expect(listed).toContain('False');
    });

    test('HT-0.09 crowded: a quota that leaves no room is a condition of hub and server', async () => {
      const full = { type: 'Ready', status: 'False', reason: 'QuotaExceeded' } as const;
      expect((await narrow.is(full, 'crowded')).message).toMatch(/exceeded quota.*pods.*raise the quota/);
      expect((await narrow.is(full, 'desk', { kind: 'mcphubs' })).message).toMatch(/exceeded quota/);
    });

    describe('when the world is as it should be', () => {
      beforeAll(async () => {
        await Promise.all([narrow.apply(quota(10)), ...all.map((one) => one.mend(place, given()))]);
      });

      test.each(all)('HT-0.09 $server clears by itself', async (one) => {
        await place.ready(one.server, { timeoutMs: clearsMs });
      });

      test('HT-0.09 crowded clears by itself', async () => {
        await narrow.ready('crowded', { timeoutMs: clearsMs });
        await narrow.ready('desk', { kind: 'mcphubs' });
      });
    });

    test('HT-0.09 and who was well has not noticed', async () => {
      const text = await place.kubectl(['get', 'pods', '-l', 'quaymaster.dev/server=well', '-o', 'json']);
      const { items } = JSON.parse(text) as { items: { status: { containerStatuses: { restartCount: number }[] } }[] };
      expect(items.flatMap(({ status }) => status.containerStatuses.map((each) => each.restartCount))).toEqual([0]);
    });
  });
}

function quota(pods: number): Manifest {
  return { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'pods' }, spec: { hard: { pods } } };
}
