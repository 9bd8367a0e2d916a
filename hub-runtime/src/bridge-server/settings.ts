/**
 * Reads QM_BRIDGE, the contract with what is rendered for a Pod. Whatever is wrong with it is a mistake of ours or of a hand-written Pod:
 * one error that names the member. Members it does not know are left alone, so that a newer renderer and an older image fit.
 */
import { type BridgePodSettings, podVariables } from '@quaymaster/crds';

import { QmError } from '../base/index.ts';

type Members = Readonly<Record<string, unknown>>;

export function readBridgeSettings(text: string | undefined): BridgePodSettings {
  if (text === undefined || text === '') throw refused('it is not set');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refused('it is not JSON');
  }
  const all = members(value, '');
  if (all['version'] !== 1) throw refused('version is not 1; image and operator do not fit together');
  oneOf(all, 'protocol', ['auto', 'modern', 'legacy']);
  const instances = members(all['instances'], 'instances');
  oneOf(instances, 'mode', ['shared', 'perClient']);
  whole(instances, 'max', 1, 1_000);
  for (const name of ['startMs', 'drainMs']) whole(all, name, 0, 86_400_000);
  for (const name of ['port', 'healthPort']) whole(all, name, 0, 65_535);
  for (const name of ['server', 'tokenDirectory', 'childPrefix']) words(all, name);
  if (all['secretVariables'] !== undefined) list(all, 'secretVariables');
  if (all['limits'] !== undefined) readLimits(members(all['limits'], 'limits'));
  readProgram(members(all['program'], 'program'));
  return value as BridgePodSettings;
}

function readLimits(limits: Members): void {
  whole(limits, 'responseBytes', 1, Number.MAX_SAFE_INTEGER);
  for (const name of ['memoryBytes', 'openFiles'])
    if (limits[name] !== undefined) whole(limits, name, 1, Number.MAX_SAFE_INTEGER);
}

function readProgram(program: Members): void {
  oneOf(program, 'kind', ['command', 'npm', 'pypi']);
  if (program['kind'] === 'command') {
    if (program['cwd'] !== undefined) words(program, 'cwd');
    return;
  }
  for (const name of ['package', 'version', 'cache']) words(program, name);
  for (const name of ['bin', 'integrity', 'resolvedBefore', 'python'])
    if (program[name] !== undefined) words(program, name);
  if (program['kind'] === 'pypi') list(program, 'with');
}

function members(value: unknown, path: string): Members {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Members;
  throw refused(`${path === '' ? 'it' : path} is not an object`);
}

function oneOf(object: Members, name: string, values: readonly string[]): void {
  if (!values.includes(object[name] as string)) throw refused(`${name} is none of ${values.join(', ')}`);
}

function whole(object: Members, name: string, least: number, most: number): void {
  const value = object[name];
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return;
  throw refused(`${name} is no whole number from ${least} to ${most}`);
}

function words(object: Members, name: string): void {
  const value = object[name];
  if (typeof value !== 'string' || value === '') throw refused(`${name} is no text`);
}

function list(object: Members, name: string): void {
  const value = object[name];
  if (!Array.isArray(value) || value.some((one) => typeof one !== 'string'))
    throw refused(`${name} is no list of texts`);
}

function refused(reason: string): QmError {
  return new QmError('QM_SETTINGS_INVALID', { place: podVariables.bridge, reason });
}
