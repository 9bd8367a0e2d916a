/**
 * One corpus, two judges: the API server gives every manifest the verdict that `qm validate` gives.
 *
 * Only a real API server does the typed check and the cost estimate of CEL, so the definitions themselves are under test as well. Sent as a dry
 * run with strict field validation, as kubectl sends it.
 */
import { loadValidator } from '@quaymaster/crds';
import type { ManifestObject, Validator } from '@quaymaster/crds';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { startCluster } from './index.ts';
import type { ApiAnswer, Cluster } from './index.ts';

const crds = join(import.meta.dirname, '../../crds');
const definitions = readdirSync(join(crds, 'generated/crd')).map((name) => join(crds, 'generated/crd', name));
const corpus = (kind: 'valid' | 'invalid') =>
  readdirSync(join(crds, 'corpus', kind)).map(
    (name) => [name, readFileSync(join(crds, 'corpus', kind, name), 'utf8')] as const,
  );
/** What people copy first has to be right as well. */
const examples = join(import.meta.dirname, '../../examples');
const shown = readdirSync(examples, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.ya?ml$/.test(name))
  .flatMap((name) =>
    readFileSync(join(examples, name), 'utf8')
      .split(/^---$/m)
      .filter((text) => parse(text) !== null)
      .map((text, index) => [`examples/${name} ${index}`, text] as const),
  );
const valid = [...corpus('valid'), ...shown];
const invalid = corpus('invalid');

/** Where the API server names a place in another way: it reads metadata into a struct, and what it has no kind for has no fields. */
const otherwiseNamed = new Map([
  ['server-annotation-number.yaml', 'ObjectMeta.annotations'],
  ['server-label-number.yaml', 'ObjectMeta.labels'],
  ['server-label-key.yaml', 'metadata.labels'],
  ['server-label-value.yaml', 'metadata.labels'],
  ['kind-missing.yaml', undefined],
  ['kind-other-group.yaml', undefined],
  ['kind-unknown.yaml', undefined],
  ['kind-version.yaml', undefined],
]);

let cluster: Cluster;
let validate: Validator;

beforeAll(async () => {
  validate = await loadValidator();
  cluster = await startCluster({ level: 'control', name: 'corpus', fakeNodes: 0 });
  await cluster.apply(definitions.map((file) => readFileSync(file, 'utf8')).join('\n---\n'));
  await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all']);
  // A dry run looks for its namespace as well.
  for (const name of new Set([...valid, ...invalid].map(([, text]) => namespaceOf(parse(text) as ManifestObject))))
    if (name !== 'default') await cluster.kubectl(['create', 'namespace', name]);
});

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

function namespaceOf(manifest: ManifestObject): string {
  return manifest.metadata?.namespace ?? 'default';
}

/** Where kubectl would send it; what names no kind of ours has no such place. */
function collection(manifest: ManifestObject): string {
  const group = manifest.apiVersion === 'v1' ? '/api/v1' : `/apis/${manifest.apiVersion}`;
  return `${group}/namespaces/${namespaceOf(manifest)}/${String(manifest.kind).toLowerCase()}s`;
}

function send(text: string): Promise<ApiAnswer> {
  return cluster.request({
    method: 'POST',
    path: `${collection(parse(text) as ManifestObject)}?dryRun=All&fieldValidation=Strict`,
    body: text,
    contentType: 'application/yaml',
  });
}

test('HT-Q4 the definitions are structural and established', async () => {
  for (const file of definitions) {
    const { name } = (parse(readFileSync(file, 'utf8')) as { metadata: { name: string } }).metadata;
    const answer = await cluster.request({
      method: 'GET',
      path: `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`,
    });
    const { conditions } = (answer.body as { status: { conditions: { type: string; status: string }[] } }).status;
    const state = Object.fromEntries(conditions.map((one) => [one.type, one.status]));
    expect(state).toMatchObject({ Established: 'True', NamesAccepted: 'True' });
    expect(state['NonStructuralSchema']).not.toBe('True');
  }
});

describe('HT-Q4 valid manifests', () => {
  test.each(valid)('%s', async (_name, text) => {
    expect(validate(parse(text) as ManifestObject)).toEqual([]);
    const answer = await send(text);
    expect([answer.status, (answer.body as { message?: string }).message]).toEqual([201, undefined]);
  });
});

describe('HT-Q4 invalid manifests are refused by a message that names the place', () => {
  test.each(invalid)('%s', async (name, text) => {
    expect(validate(parse(text) as ManifestObject)).not.toEqual([]);
    const answer = await send(text);
    expect([400, 404, 422]).toContain(answer.status);
    const place = otherwiseNamed.has(name) ? otherwiseNamed.get(name) : /^# path: (.*)/.exec(text)?.[1];
    if (place === undefined) expect(answer.status).toBe(404);
    else expect((answer.body as { message: string }).message).toContain(place);
  });
});
