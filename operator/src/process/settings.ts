/**
 * What one installation decides, from one JSON file and the Pod's environment. Read once, at the start: the chart restarts the operator when
 * its settings change. A key nobody knows is refused by its path, since a setting that silently does nothing is worse than no start.
 */
import { describeIssue, nearest, readRenderSettings, type RenderSettings } from '@quaymaster/crds';
import { type LogLevel, QmError } from 'quaymaster/base';

export interface OperatorSettings {
  /** Empty: all. */
  readonly watchNamespaces: readonly string[];
  readonly logLevel: LogLevel;
  readonly render: RenderSettings;
}

export interface PodIdentity {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string | undefined;
  readonly ip: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const defaultPath = '/etc/quaymaster/settings.json';
const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent'];
const keys = ['logLevel', 'render', 'watchNamespaces'] as const;
const namespaceName = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const mostNamespaces = 100;

export function settingsPath(env: Environment): string {
  const named = env['QM_OPERATOR_SETTINGS'] ?? '';
  return named === '' ? defaultPath : named;
}

/** `text`: undefined when there is no such file, which outside a cluster means defaults. */
export function readSettings(text: string | undefined, place: string, version: string): OperatorSettings {
  const refuse = (reason: string): QmError => new QmError('QM_SETTINGS_INVALID', { place, reason });
  const value = parse(text ?? '{}', refuse);
  for (const key of Object.keys(value)) {
    if ((keys as readonly string[]).includes(key)) continue;
    const guess = nearest(key, keys);
    throw refuse(`${key}: there is no such setting${guess === undefined ? '' : `; did you mean ${guess}?`}`);
  }
  const { watchNamespaces = [], logLevel = 'info', render = {} } = value;
  if (!isNamespaceList(watchNamespaces)) {
    throw refuse(`watchNamespaces: must be a list of at most ${mostNamespaces} different namespaces`);
  }
  const level = levels.find((each) => each === logLevel);
  if (level === undefined) throw refuse(`logLevel: must be one of ${levels.join(', ')}`);
  const settings = readRenderSettings(render, version);
  if (!('images' in settings)) {
    throw refuse(settings.map((issue) => `render.${describeIssue(issue).replace(/^\./, '')}`).join(' | '));
  }
  return { watchNamespaces, logLevel: level, render: settings };
}

/** Who this process is. Outside a Pod it gets a name of its own, so that two on one machine are told apart. */
export function readIdentity(
  env: Environment,
  outside: { readonly name: string; readonly namespace: string },
): PodIdentity {
  const of = (name: string): string | undefined => (env[name] === '' ? undefined : env[name]);
  return {
    name: of('QM_POD_NAME') ?? outside.name,
    namespace: of('QM_POD_NAMESPACE') ?? outside.namespace,
    uid: of('QM_POD_UID'),
    ip: of('QM_POD_IP') ?? '127.0.0.1',
  };
}

function parse(text: string, refuse: (reason: string) => QmError): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : 'it is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refuse('it is not a JSON object');
  return value as Readonly<Record<string, unknown>>;
}

function isNamespaceList(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length <= mostNamespaces &&
    new Set(value).size === value.length &&
    value.every((each) => typeof each === 'string' && namespaceName.test(each))
  );
}
