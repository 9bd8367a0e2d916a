/** `docs/reference/manifests.md`: every field of every kind with type, default, bounds, meaning and example. */
import { apiVersion } from '../manifest/index.ts';
import { docKeys } from '../schema/index.ts';
import type { KindDefinition, Rule } from '../schema/index.ts';
import { toDocumented } from './to-structural.ts';
import type { DocSchema } from './to-structural.ts';

interface Row {
  readonly path: string;
  readonly node: DocSchema;
  readonly required: boolean;
}

export function manifestsPage(kinds: readonly KindDefinition[]): string {
  const out = [
    '<!-- Generated from crds/src by `make generate`. Do not edit. -->',
    '',
    '# Manifest reference',
    '',
    `API version \`${apiVersion}\`. The same manifests run on a laptop (\`qm up -f manifests/\`) and in a cluster (\`kubectl apply -f manifests/\`).`,
    'Fields that are not listed here are refused. Editors: `crds/generated/json-schema/all.json`.',
    '',
    'Durations are written like `500ms`, `30s`, `1m30s`. In paths, `[]` stands for the items of a list and `<key>` for the keys of a map.',
    'A field marked * is required where the object around it is present.',
    '',
  ];
  for (const kind of kinds) out.push(...kindSection(kind));
  return `${out.join('\n').trimEnd()}\n`;
}

function kindSection(kind: KindDefinition): string[] {
  const spec = rows('spec', toDocumented(kind.spec), true);
  const status = rows('status', toDocumented(kind.status), false);
  return [
    `## ${kind.kind}`,
    '',
    `${kind.description} Resource \`${kind.plural}.quaymaster.dev\`, short ${kind.shortNames.map((name) => `\`${name}\``).join(', ')}.`,
    '',
    '```yaml',
    kind.example.trimEnd(),
    '```',
    '',
    `### ${kind.kind} spec`,
    '',
    '| Field | Type | Default | Meaning |',
    '| --- | --- | --- | --- |',
    ...spec.map(specLine),
    '',
    ...ruleSection(spec),
    `### ${kind.kind} status`,
    '',
    '| Field | Type | Meaning |',
    '| --- | --- | --- |',
    ...status.map((row) => `| ${code(row.path)} | ${type(row.node)} | ${meaning(row.node)} |`),
    '',
  ];
}

function specLine(row: Row): string {
  return `| ${code(row.path)}${row.required ? ' *' : ''} | ${type(row.node)} | ${defaultOf(row.node)} | ${meaning(row.node)} |`;
}

function ruleSection(all: readonly Row[]): string[] {
  const lines = all.flatMap((row) =>
    ((row.node['x-kubernetes-validations'] ?? []) as readonly Rule[]).map(
      (rule) => `* ${code(row.path)}: ${cell(rule.message)}`,
    ),
  );
  return lines.length === 0 ? [] : ['Rules:', '', ...lines, ''];
}

function rows(path: string, node: DocSchema, required: boolean): Row[] {
  const out: Row[] = [{ path, node, required }];
  const needed = new Set((node['required'] ?? []) as readonly string[]);
  for (const [name, child] of Object.entries((node['properties'] ?? {}) as Record<string, DocSchema>))
    out.push(...rows(`${path}.${name}`, child, needed.has(name)));
  const items = node['items'] as DocSchema | undefined;
  if (items?.['properties'] !== undefined) out.push(...rows(`${path}[]`, items, false).slice(1));
  const values = node['additionalProperties'] as DocSchema | undefined;
  if (values?.['properties'] !== undefined) out.push(...rows(`${path}.<key>`, values, false).slice(1));
  return out;
}

function type(node: DocSchema): string {
  if (node['enum'] !== undefined) return (node['enum'] as readonly string[]).map(code).join(', ');
  const bounds = range(node);
  if (node['type'] === 'array') return `list of ${type(node['items'] as DocSchema)}${bounds}`;
  if (node['additionalProperties'] !== undefined)
    return `map to ${type(node['additionalProperties'] as DocSchema)}${bounds}`;
  return `${String(node['type'])}${node['nullable'] === true ? ' or null' : ''}${bounds}`;
}

function range(node: DocSchema): string {
  const least = node['minimum'] ?? node['minLength'] ?? (node['minItems'] === 0 ? undefined : node['minItems']);
  const most = node['maximum'] ?? node['maxLength'] ?? node['maxItems'] ?? node['maxProperties'];
  const unit =
    node['type'] === 'string' ? ' characters' : node['type'] === 'array' || node['type'] === 'object' ? ' entries' : '';
  if (most === undefined || most === Number.MAX_SAFE_INTEGER) return '';
  return least === undefined ? `, at most ${String(most)}${unit}` : `, ${String(least)} to ${String(most)}${unit}`;
}

function defaultOf(node: DocSchema): string {
  if (node[docKeys.defaultNote] !== undefined) return cell(String(node[docKeys.defaultNote]));
  return node['default'] === undefined ? '' : code(JSON.stringify(node['default']).replace(/^"(.*)"$/, '$1') || '""');
}

function meaning(node: DocSchema): string {
  const example = node[docKeys.example];
  const shown =
    example === undefined ? '' : ` Example: ${code(typeof example === 'string' ? example : JSON.stringify(example))}.`;
  return cell(String(node['description'])) + shown;
}

const cell = (text: string): string =>
  text
    .replaceAll('|', '\\|')
    .replaceAll('<', '&lt;')
    .replaceAll(/`([^`]*)`/g, (whole) => whole.replaceAll('&lt;', '<'))
    .replaceAll('\n', ' ');
const code = (text: string): string => `\`${text.replaceAll('|', '\\|')}\``;
