/** The Lua that Argo CD runs over our kinds, in the layout of its own repository. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import { runLua } from './run-lua.ts';

const argocd = join(import.meta.dirname, '../../gitops/argocd');
const folder = join(argocd, 'resource_customizations/quaymaster.dev');

interface Health {
  readonly status: string;
  readonly message: string;
}
interface Live {
  readonly metadata: object;
  readonly spec: { readonly template?: { readonly metadata?: { readonly annotations?: Record<string, string> } } };
}
const restartedAt = 'kubectl.kubernetes.io/restartedAt';

describe.each(['McpHub', 'McpServer'])('HT-4.20 %s', (kind) => {
  const read = (path: string): string => readFileSync(join(folder, kind, path), 'utf8');
  const yaml = <T>(path: string): T => parse(read(path)) as T;
  const { tests } = yaml<{ tests: { healthStatus: Health; inputPath: string }[] }>('health_test.yaml');
  const health = (object: unknown): Health => runLua(read('health.lua'), object) as Health;

  test.each(tests.map((each) => [each.inputPath, each] as const))('health of %s', (path, { healthStatus }) => {
    expect(health(yaml(path))).toEqual(healthStatus);
  });

  test('every file of testdata has its verdict, and every verdict its file', () => {
    expect(tests.map((each) => each.inputPath).toSorted()).toEqual(
      readdirSync(join(folder, kind, 'testdata')).map((name) => `testdata/${name}`),
    );
  });

  test('a status of another age or shape is no error', () => {
    for (const status of [{}, { conditions: [] }, { observedGeneration: 9, conditions: [{ type: 'Ready' }] }])
      expect(['Progressing', 'Healthy']).toContain(health({ metadata: { generation: 1 }, spec: {}, status }).status);
    expect(health({ metadata: {}, spec: {} }).status).toBe('Progressing');
  });

  test('actions are offered and do what they say', () => {
    const { discoveryTests, actionTests } = yaml<{
      discoveryTests: { inputPath: string; result: { name: string; iconClass: string }[] }[];
      actionTests: { action: string; inputPath: string; expectedOutputPath: string }[];
    }>('actions/action_test.yaml');
    for (const { inputPath, result } of discoveryTests) {
      const offered = runLua(read('actions/discovery.lua'), yaml(`actions/${inputPath}`)) as Record<string, object>;
      expect(Object.entries(offered).map(([name, more]) => ({ name, ...more }))).toEqual(result);
    }
    for (const { action, inputPath, expectedOutputPath } of actionTests) {
      const done = runLua(read(`actions/${action}/action.lua`), yaml(`actions/${inputPath}`)) as Live;
      const annotations = done.spec.template?.metadata?.annotations ?? {};
      expect(annotations[restartedAt]).toMatch(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      // As Argo CD's own tests do with times.
      annotations[restartedAt] = '0001-01-01T00:00:00Z';
      const expected = yaml<Live>(`actions/${expectedOutputPath}`);
      expect(done.spec.template).toEqual(expected.spec.template);
      expect(done.metadata).toEqual(expected.metadata);
    }
  });
});

test('what an installed Argo CD reads is these very files', () => {
  const { data } = parse(readFileSync(join(argocd, 'argocd-cm.yaml'), 'utf8')) as { data: Record<string, string> };
  expect(Object.keys(data)).toHaveLength(4);
  const actions = parse(data['resource.customizations.actions.quaymaster.dev_McpHub'] ?? '') as {
    readonly 'discovery.lua': string;
    readonly definitions: readonly { readonly name: string }[];
  };
  expect(actions.definitions.map((each) => each.name)).toEqual(['restart']);
  expect(runLua(actions['discovery.lua'], {})).toHaveProperty('restart');
});
