/** The table of values in a chart's README, and the page about settings, which share their form. */
import type { StructuralSchema } from '@quaymaster/crds';
import { isGroup } from './value.ts';
import type { Members } from './value.ts';

export function valuesTable(members: Members): readonly string[] {
  return ['| Value | Default | Meaning |', '| --- | --- | --- |', ...rows(members, '')];
}

function rows(members: Members, before: string): readonly string[] {
  return Object.entries(members).flatMap(([name, node]) => {
    const path = `${before}${name}`;
    if (isGroup(node)) {
      const own = node.about === undefined ? [] : [row(path, '', node.about)];
      return [...own, ...rows(node.members, `${path}.`)];
    }
    return [row(path, code(node.value), `${node.about}${allowed(node.schema)}`)];
  });
}

const row = (path: string, value: string, meaning: string): string =>
  `| \`${path}\` | ${value} | ${meaning.replaceAll('|', '\\|')} |`;
const code = (value: unknown): string => `\`${JSON.stringify(value)}\``.replaceAll('|', '\\|');

function allowed(schema: Readonly<Record<string, unknown>>): string {
  const among = schema['enum'];
  if (Array.isArray(among)) return ` One of ${among.map((each) => `\`${String(each)}\``).join(', ')}.`;
  return '';
}

export function settingsTable(schema: StructuralSchema, defaults: unknown, before = ''): readonly string[] {
  const table = ['| Setting | Type | Default | Meaning |', '| --- | --- | --- | --- |'];
  return [...table, ...settingsRows(schema, defaults, before)];
}

function settingsRows(schema: StructuralSchema, value: unknown, before: string): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, each]) => {
    const path = `${before}${name}`;
    const here = (value as Readonly<Record<string, unknown>> | undefined)?.[name];
    const below = settingsRows(each, here, `${path}.`);
    const shown = below.length > 0 || here === undefined ? '' : code(here);
    const meaning = `${each.description ?? ''}`.replace(/([^.])$/, '$1.').replaceAll('|', '\\|');
    const inItems = each.items === undefined ? [] : settingsRows(each.items, undefined, `${path}[].`);
    const inMap =
      each.additionalProperties === undefined ? [] : settingsRows(each.additionalProperties, undefined, `${path}.*.`);
    return [`| \`${path}\` | ${typeOf(each)} | ${shown} | ${meaning} |`, ...below, ...inItems, ...inMap];
  });
}

function typeOf({ type, items, enum: among, additionalProperties }: StructuralSchema): string {
  if (among !== undefined) return among.map((each) => `\`${each}\``).join(' or ');
  if (items !== undefined) return `list of ${typeOf(items)}`;
  return additionalProperties === undefined ? type : `map of ${typeOf(additionalProperties)}`;
}
