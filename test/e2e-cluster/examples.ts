/** Every folder of examples/ in a cluster, as it stands; where one names a directory of a laptop, the condition says what a cluster has instead. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Cluster, openCluster } from '@quaymaster/cluster';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import {
  connectModern,
  type JsonObject,
  kitMatchers,
  type RunningServer,
  startHttpServer,
  until,
} from '../kit/index.ts';
import { forwardTo } from './forward.ts';
import { Place } from './observed.ts';

expect.extend(kitMatchers);

const root = join(import.meta.dirname, '../..');
const folder = join(root, 'examples');
/** Packages are installed first, and all of them at once. */
const installMs = 180_000;

interface Tried {
  readonly begin: () => Promise<Place>;
  readonly runs: (place: Place) => Promise<void>;
}

export function examples(name: string): void {
  describe('examples', () => {
    let cluster: Cluster;
    let elsewhere: RunningServer | undefined;

    /** `change` is for what an example takes from elsewhere. */
    async function applied(example: string, change: (text: string) => string = (text) => text): Promise<Place> {
      const place = new Place(cluster, example);
      await place.make();
      const files = readdirSync(join(folder, example)).filter((file) => file.endsWith('.yaml'));
      const text = files.map((file) => readFileSync(join(folder, example, file), 'utf8')).join('\n---\n');
      await place.kubectl(['apply', '-f', '-'], change(text));
      return place;
    }

    async function calls(place: Place, hub: string, tool: string, values: JsonObject, answer: RegExp): Promise<void> {
      await using forward = await forwardTo(cluster, hub, place.namespace);
      const client = await connectModern(forward.url);
      try {
        expect(await client.callTool(tool, values)).toBeToolResult(answer);
      } finally {
        await client.close();
      }
    }

    const volumes = `/tmp/qm-${name}`;
    const inNode = (script: string, input = ''): void => {
      execFileSync(join(root, 'test/cluster/cluster'), ['in-node', name, 'sh', '-c', script], { input });
    };

    /** A volume on the node with this file in it, and the claim `data` for it. */
    async function claim(place: Place, file: string, content: string): Promise<void> {
      const path = `${volumes}/${place.namespace}`;
      const script = `mkdir -p ${path} && chmod 777 ${path} && cat > ${path}/${file} && chmod 666 ${path}/${file}`;
      inNode(script, content);
      const named = { storageClassName: '', accessModes: ['ReadWriteOnce'] };
      const volume = { ...named, capacity: { storage: '1Mi' }, hostPath: { path } };
      const volumeName = `${place.namespace}-data`;
      await place.apply(
        { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: volumeName }, spec: volume },
        {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          metadata: { name: 'data' },
          spec: { ...named, volumeName, resources: { requests: { storage: '1Mi' } } },
        },
      );
    }
    const claimed = (text: string): string => text.replaceAll('directory: ./data', 'claim: data');

    const tried: Readonly<Record<string, Tried>> = {
      minimal: {
        begin: () => applied('minimal'),
        runs: async (place) => {
          await place.ready('memory', { timeoutMs: installMs });
          await calls(place, 'desk', 'memory_read_graph', {}, /entities/);
        },
      },
      python: {
        begin: () => applied('python'),
        runs: async (place) => {
          await place.ready('time', { timeoutMs: installMs });
          await calls(place, 'desk', 'time_get_current_time', { timezone: 'Europe/Vienna' }, /Vienna/);
        },
      },
      'local-files': {
        async begin() {
          const place = await applied('local-files');
          const refused = await place.is({ type: 'Ready', status: 'False', reason: 'Unsupported' }, 'files');
          expect(refused.message).toMatch(/data.*claim/);
          await claim(place, 'welcome.txt', 'Welcome');
          return applied('local-files', claimed);
        },
        async runs(place) {
          await place.ready('files', { timeoutMs: installMs });
          await calls(place, 'desk', 'files_read_text_file', { path: '/roots/data/welcome.txt' }, /Welcome/);
        },
      },
      'multi-hub': {
        async begin() {
          const place = new Place(cluster, 'multi-hub');
          await place.make();
          await claim(place, 'notes.txt', 'first');
          return applied('multi-hub', claimed);
        },
        async runs(place) {
          for (const one of ['files', 'files-read-only', 'memory']) await place.ready(one, { timeoutMs: installMs });
          const path = '/roots/data/notes.txt';
          await calls(place, 'workbench', 'files_write_file', { path, content: 'second' }, /./);
          await calls(place, 'reading', 'files-read-only_read_text_file', { path }, /second/);
          await calls(place, 'workbench', 'remember', { entities: [] }, /./);
        },
      },
      remote: {
        async begin() {
          elsewhere = await startHttpServer({ tools: [{ name: 'echo' }], http: { host: cluster.hostAddress } });
          const url = `http://${cluster.hostAddress}:${new URL(elsewhere.url).port}/mcp`;
          return applied('remote', (text) => text.replace('http://127.0.0.1:3001/mcp', url));
        },
        async runs(place) {
          for (const one of ['elsewhere', 'memory']) await place.ready(one, { timeoutMs: installMs });
          await calls(place, 'desk', 'elsewhere_echo', { text: 'hi' }, /hi/);
          expect(elsewhere?.calls.some((one) => one.headers['authorization'] === 'Bearer not-a-real-token')).toBe(true);
        },
      },
    };

    // All at once: each waits for its packages most of the time.
    let places: Readonly<Record<string, Place>> = {};
    beforeAll(async () => {
      cluster = await openCluster(name);
      // Makes room: two processors take the requests of five examples, not of six.
      await cluster.kubectl(['delete', '--wait', '-f', join(folder, 'quickstart')]);
      const begun = Object.entries(tried).map(async ([example, { begin }]) => [example, await begin()] as const);
      places = Object.fromEntries(await Promise.all(begun));
    });
    afterAll(async () => {
      await elsewhere?.[Symbol.asyncDispose]();
      inNode(`rm -rf ${volumes}`);
    });

    test('HT-C2 every example is tried in a cluster', () => {
      expect([...Object.keys(tried), 'quickstart'].toSorted()).toEqual(readdirSync(folder).toSorted());
    });

    test('EF-55 what is deleted leaves nothing of ours behind', async () => {
      const kinds = 'all,secrets,configmaps,serviceaccounts,networkpolicies,poddisruptionbudgets';
      const left = ['-n', 'default', 'get', kinds, '-l', 'app.kubernetes.io/part-of=quaymaster', '-o', 'name'];
      await until(async () => (await cluster.kubectl(left)).trim() === '', {
        because: 'the quickstart is gone',
        timeoutMs: 90_000,
        everyMs: 500,
      });
    });

    test.each(Object.entries(tried))(
      'HT-C2 examples/%s runs in a cluster',
      async (example, { runs }) => {
        const place = places[example];
        if (place === undefined) throw new Error(`${example} was not applied`);
        await runs(place);
      },
      240_000,
    );
  });
}
