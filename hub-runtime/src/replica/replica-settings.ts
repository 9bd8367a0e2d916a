/** What the Pod template hands `qm hub`: settings as one JSON document in one variable, and who this Pod is. */
import { type HubPodSettings, podVariables } from '@quaymaster/crds';

import { QmError } from '../base/index.ts';

export interface PodIdentity {
  readonly name: string;
  readonly uid: string;
  readonly ip: string;
}

export interface ReplicaSettings {
  readonly hub: HubPodSettings;
  readonly pod: PodIdentity;
}

type Variables = Readonly<Record<string, string | undefined>>;

const texts = ['hub', 'peers', 'configDirectory', 'credentialsDirectory', 'sealingDirectory'] as const;
const ports = ['port', 'healthPort', 'peerPort'] as const;

export function readReplicaSettings(env: Variables): ReplicaSettings {
  const settings = objectOf(podVariables.hub, variable(env, podVariables.hub));
  if (settings['version'] !== 1) throw wrong('version', 'is not 1: image and operator do not fit each other');
  for (const name of texts) if (!isText(settings[name])) throw wrong(name, 'is not a text');
  for (const name of ports) if (!isPort(settings[name])) throw wrong(name, 'is not a port');
  const { control, drainMs } = settings;
  if (!isRecord(control) || !isText(control['address']) || !isText(control['tokenFile']))
    throw wrong('control', 'needs an address and a tokenFile');
  if (typeof drainMs !== 'number' || !(drainMs >= 0)) throw wrong('drainMs', 'is not a time');
  return {
    hub: settings as unknown as HubPodSettings,
    pod: {
      name: variable(env, podVariables.podName),
      uid: variable(env, podVariables.podUid),
      ip: variable(env, podVariables.podIp),
    },
  };
}

function variable(env: Variables, name: string): string {
  const value = env[name];
  if (value === undefined || value === '') throw unusable(name, 'it is not set');
  return value;
}

function objectOf(name: string, text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unusable(name, 'not JSON');
  }
  if (!isRecord(value)) throw unusable(name, 'not an object');
  return value;
}

function wrong(member: string, what: string): QmError {
  return unusable(podVariables.hub, `${member} ${what}`);
}

function unusable(place: string, reason: string): QmError {
  return new QmError('QM_SETTINGS_INVALID', { place, reason });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** 0: a free one, which only tests want. */
function isPort(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 65_535;
}
