import { describe, expect, test } from 'vitest';

import { formatProblem } from '../problems/index.ts';
import { maxDocuments, parseManifests } from './parse-manifests.ts';

const source = (text: string) => ({ file: 'm.yaml', absolute: '/p/m.yaml', directory: '/p', text, listed: false });
const parse = (text: string) => parseManifests(source(text));
const said = (text: string) => parse(text).problems.map(formatProblem);

const server = `apiVersion: quaymaster.dev/v1alpha1
kind: McpServer
metadata:
  name: a
  labels: {app.kubernetes.io/name: x}
spec:
  env:
    - name: A
    - name: B
      value: "1"
`;

describe('reading', () => {
  test('several documents, each with the place of its fields', () => {
    const { objects, problems } = parse(`# first\n${server}---\n${server.replace('name: a', 'name: b')}`);
    expect(problems).toEqual([]);
    expect(objects.map((one) => one.object.metadata.name)).toEqual(['a', 'b']);
    const [first, second] = objects;
    expect(first?.locate('spec.env[1].value')).toEqual({ line: 11, column: 7 });
    expect(second?.locate('metadata.name')).toEqual({ line: 16, column: 3 });
    expect(first?.object.origin).toEqual({ file: 'm.yaml', line: 2 });
  });

  test.each([
    ['a missing field points at what is above it', 'spec.env[0].value.deeper', { line: 8, column: 7 }],
    ['a key with dots is one key', 'metadata.labels.app.kubernetes.io/name', { line: 5, column: 12 }],
    ['a quoted key is one key', 'metadata.labels["app.kubernetes.io/name"]', { line: 5, column: 12 }],
    ['an index that is not there points at the list', 'spec.env[7]', { line: 7, column: 3 }],
    ['a path that begins nowhere points at the document', 'nothing.here', { line: 1, column: 1 }],
  ])('%s', (_title, path, position) => {
    expect(parse(server).objects[0]?.locate(path)).toEqual(position);
  });

  test('JSON is read with places too', () => {
    const { objects } = parse('{\n  "apiVersion": "v1", "kind": "Secret",\n  "metadata": {"name": "s"}\n}');
    expect(objects[0]?.locate('metadata.name')).toEqual({ line: 3, column: 16 });
  });

  test('a List gives its items, with their places', () => {
    const items = server.replace(/^/gm, '    ').replace('    apiVersion', '  - apiVersion').trimEnd();
    const { objects, problems } = parse(`apiVersion: v1\nkind: List\nitems:\n${items}\n`);
    expect(problems).toEqual([]);
    expect(objects[0]?.object.kind).toBe('McpServer');
    expect(objects[0]?.locate('metadata.name')?.line).toBe(7);
  });

  test('HS-16 words that kubectl takes for booleans are taken so, and told', () => {
    const { objects, problems, broken } = parse(
      server.replace('value: "1"', 'value: no').replace(': x}', ': on, y: "on"}'),
    );
    expect(broken).toBe(false);
    const [first] = objects;
    expect(first?.object.metadata.labels).toEqual({ 'app.kubernetes.io/name': true, true: 'on' });
    expect(first?.object.spec).toMatchObject({ env: [{ name: 'A' }, { name: 'B', value: false }] });
    expect(problems.map(formatProblem)).toEqual([
      'm.yaml:5:36: note: on without quotes is the boolean true, here as for kubectl; write "on" for the text',
      'm.yaml:5:40: note: y without quotes is the boolean true, here as for kubectl; write "y" for the text',
      'm.yaml:10:14: note: no without quotes is the boolean false, here as for kubectl; write "no" for the text',
    ]);
    expect(parse(`${server}  x: [${'no, '.repeat(50)}]\n`).problems).toHaveLength(10);
  });

  test('empty documents and comments are nothing', () => {
    expect(parse('---\n# only words\n---\n\n')).toMatchObject({ objects: [], problems: [], broken: false });
  });
});

describe('refusing', () => {
  test('broken syntax is said with its place, and nothing of the file is used', () => {
    const { objects, broken } = parse(`${server}---\nkind: [unclosed\n`);
    expect(broken).toBe(true);
    expect(objects).toEqual([]);
    expect(said(`${server}---\nkind: [unclosed\n`)[0]).toMatch(/^m\.yaml:\d+:\d+: error: .*; correct the syntax/);
  });

  test('a key twice is broken syntax', () => {
    expect(said('kind: A\nkind: B\n')[0]).toMatch(/^m\.yaml:2:1: error: Map keys must be unique/);
  });

  test.each([
    ['a text', 'just words', 'the document is not an object'],
    ['no kind', 'apiVersion: v1', 'kind: kind is missing'],
    ['no apiVersion', 'kind: McpServer', 'apiVersion: apiVersion is missing'],
    ['no metadata', 'kind: A\napiVersion: v1', 'metadata: metadata is missing'],
    ['no name', 'kind: A\napiVersion: v1\nmetadata: {}', 'metadata.name: the name is missing'],
    [
      'a name that is a number',
      'kind: A\napiVersion: v1\nmetadata: {name: 1}',
      'metadata.name: the name is missing or no string',
    ],
    [
      'a namespace that is a number',
      'kind: A\napiVersion: v1\nmetadata: {name: a, namespace: 1}',
      'metadata.namespace: the namespace is no string',
    ],
  ])('%s', (_title, text, message) => {
    expect(said(text)).toHaveLength(1);
    expect(said(text)[0]).toContain(message);
  });

  test('aliases that unfold to gigabytes are refused, not unfolded', () => {
    const levels = Array.from(
      { length: 12 },
      (_, n) => `l${n + 1}: &l${n + 1} [${Array.from({ length: 12 }, () => `*l${n}`).join(',')}]`,
    );
    expect(said(`l0: &l0 x\n${levels.join('\n')}\n`)[0]).toContain('alias');
  });

  test('the number of documents is bounded', () => {
    expect(said('a: 1\n---\n'.repeat(maxDocuments + 1))[0]).toContain(`more than ${maxDocuments} documents`);
  });

  test('the number of items of a List is bounded', () => {
    const items = '  - {}\n'.repeat(maxDocuments + 1);
    expect(said(`apiVersion: v1\nkind: List\nitems:\n${items}`)[0]).toContain(`more than ${maxDocuments} items`);
  });
});
