/** `qm render` prints what the operator applied: compared by the API server itself, in a dry run. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster } from '@quaymaster/cluster';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { systemNamespace } from '../installed/index.ts';
import { qm } from '../integration/support/running-hub.ts';
import { type JsonObject, spawnProgram } from '../kit/index.ts';
import { kitImage } from '../parity/world.ts';
import { type Manifest, mcpHub, mcpServer, Place, secret } from './observed.ts';

interface Live {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: JsonObject & { readonly name: string };
  readonly spec?: JsonObject;
}

const manifests: readonly Manifest[] = [
  mcpHub({ replicas: 2, template: { metadata: { annotations: { 'example.com/team': 'docs' } } } }),
  secret('words', { one: 'x' }),
  mcpServer('pipe', {
    source: { command: { command: 'kit-stdio', args: ['--script', '{"tools":[{"name":"echo"}]}'], image: kitImage } },
    env: [{ name: 'WORD', valueFrom: { secretKeyRef: { name: 'words', key: 'one' } } }],
    roots: [{ name: 'scratch', emptyDir: {} }],
    template: { spec: { resources: { limits: { memory: '300Mi' } } } },
  }),
  mcpServer('web', {
    source: { image: { image: kitImage, args: ['--script', '{"http":{"host":"0.0.0.0","port":80}}'] } },
    http: { port: 80 },
    replicas: 2,
  }),
];
/** What no manifest says: what is in the Secrets and ConfigMaps that Pods use; and what the operator compares by. */
const ofTheWorld: readonly string[] = ['quaymaster.dev/references', 'quaymaster.dev/render-hash'];

export function rendered(given: () => Cluster): void {
  describe('qm render', () => {
    let place: Place;
    let folder: string;
    let printed: readonly Live[];

    beforeAll(async () => {
      place = new Place(given(), 'rendered');
      await place.make();
      await place.apply(...manifests);
      folder = mkdtempSync(join(tmpdir(), 'qm-rendered-'));
      const file = join(folder, 'manifests.yaml');
      writeFileSync(file, manifests.map((one) => JSON.stringify(one)).join('\n---\n'));
      const config = await given().kubectl([
        '-n',
        systemNamespace,
        'get',
        'configmap',
        'quaymaster-operator-settings',
        '-o',
        'json',
      ]);
      const { data } = JSON.parse(config) as { data: Record<string, string> };
      const settings = join(folder, 'settings.json');
      writeFileSync(settings, JSON.stringify((JSON.parse(data['settings.json'] ?? '{}') as { render: object }).render));
      const { command, args } = qm('render', '-f', file, '--settings', settings, '-n', place.namespace, '-o', 'json');
      await using program = spawnProgram(command, args, { cwd: folder });
      const { code } = await program.ended(60_000);
      expect(code, program.stderr).toBe(0);
      printed = (JSON.parse(program.stdout) as { items: Live[] }).items;
      for (const name of ['pipe', 'web']) await place.ready(name);
      await place.ready('desk', { kind: 'mcphubs' });
    });

    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    test('EF-55 the API server sees no change when the printed objects are applied beside the operator', async () => {
      const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: printed });
      // Ends with 1 where there is a difference, and with an error where two disagree about a field.
      expect(await place.kubectl(['diff', '--server-side', '--field-manager=somebody', '-f', '-'], list)).toBe('');
    });

    test('EF-55 applied as the operator they take nothing away either', async () => {
      const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: printed });
      const apply = ['apply', '--server-side', '--dry-run=server', '--field-manager=quaymaster-operator'];
      const text = await place.kubectl([...apply, '--force-conflicts', '-o', 'json', '-f', '-'], list);
      const { items: after } = JSON.parse(text) as { items: Live[] };
      expect(after).toHaveLength(printed.length);
      for (const one of after) {
        const words = ['get', `${one.kind.toLowerCase()}/${one.metadata.name}`, '-o', 'json'];
        const live = JSON.parse(await place.kubectl(words)) as Live;
        expect(comparable(one), `${one.kind} ${one.metadata.name}`).toEqual(comparable(live));
      }
    });

    test('EF-55 and the operator applied nothing that was not printed, beside Secrets', async () => {
      const kinds = 'serviceaccounts,services,deployments,poddisruptionbudgets,networkpolicies,ingresses';
      const selector = 'app.kubernetes.io/managed-by=quaymaster';
      const live = (await place.kubectl(['get', kinds, '-l', selector, '-o', 'name'])).trim().split('\n');
      const kindOf = (one: string): string => one.replace(/\..*\//, '/').toLowerCase();
      const expected = printed.map(({ kind, metadata }) => `${kind.toLowerCase()}/${metadata.name}`);
      expect(live.map(kindOf).toSorted()).toEqual(expected.toSorted());
    });
  });
}

/** Without what the API server keeps, and whose child an object is. */
function comparable({ metadata, spec }: Live): unknown {
  const { labels, annotations } = metadata;
  const text = JSON.stringify({ labels, annotations: ownAnnotations(annotations), spec });
  return JSON.parse(text, (key, value: unknown) => {
    if (ofTheWorld.includes(key)) return undefined;
    return key === 'annotations' && Object.keys(value as object).length === 0 ? undefined : value;
  });
}

function ownAnnotations(all: unknown): JsonObject {
  return Object.fromEntries(
    Object.entries((all ?? {}) as JsonObject).filter(([key]) => key.startsWith('quaymaster.dev/')),
  );
}
