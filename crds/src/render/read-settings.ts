/** Settings of an installation from a file or chart values: checked like a manifest, laid over the defaults. */
import { isPlainObject } from '../structural/index.ts';
import { checkStructure } from '../validate/index.ts';
import type { Issue } from '../validate/index.ts';
import { renderSettingsSchema } from './settings-schema.ts';
import { defaultRenderSettings } from './settings.ts';
import type { RenderSettings } from './settings.ts';

/** The issues when there are any, else the settings. `version` names the images that are not set. */
export function readRenderSettings(value: unknown, version: string): RenderSettings | readonly Issue[] {
  const issues = checkStructure(renderSettingsSchema, value, '');
  if (issues.length > 0) return issues;
  return merge(defaultRenderSettings(version), value) as RenderSettings;
}

/** Objects member by member; lists, texts and quantities as a whole. */
function merge(base: unknown, over: unknown): unknown {
  if (over === undefined || over === null) return base;
  if (!isPlainObject(base) || !isPlainObject(over)) return over;
  const names = [...new Set([...Object.keys(base), ...Object.keys(over)])];
  return Object.fromEntries(names.map((name) => [name, merge(own(base, name), own(over, name))]));
}

function own(record: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
