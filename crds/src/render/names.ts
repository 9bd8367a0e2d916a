/**
 * Names of the objects a server or hub owns.
 *
 * A server and a hub may have the same name, so no suffix of one kind is the end of a suffix of the other. All fit into a label value and
 * a DNS label; a name that would not is cut and ends in a hash of the whole.
 */
import { contentHash } from '../compile/index.ts';

const longest = 63;
const hashLength = 8;

export interface ServerNames {
  /** Deployment, Service, ServiceAccount, PodDisruptionBudget and NetworkPolicy. */
  readonly workload: string;
  /** Secret with the token that callers of the bridge present. */
  readonly bridge: string;
}

export interface HubNames {
  /** Deployment, Service, ServiceAccount, PodDisruptionBudget, NetworkPolicy, HTTPRoute and Ingress. */
  readonly workload: string;
  /** Headless Service by which replicas find each other. */
  readonly peers: string;
  /** Secrets: last good configuration, values of references, keys of sealed tokens. */
  readonly config: string;
  readonly credentials: string;
  readonly sealing: string;
}

export function serverNames(name: string): ServerNames {
  return { workload: fit(name, '-server'), bridge: fit(name, '-bridge') };
}

export function hubNames(name: string): HubNames {
  return {
    workload: fit(name, '-hub'),
    peers: fit(name, '-hub-peers'),
    config: fit(name, '-config'),
    credentials: fit(name, '-credentials'),
    sealing: fit(name, '-sealing'),
  };
}

/** A volume name for something called `name`. */
export function volumeName(prefix: string, name: string): string {
  const whole = `${prefix}-${name}`;
  return whole.length <= longest ? whole : `${cut(whole, longest - hashLength - 1)}-${hash(whole)}`;
}

/** The suffix stays whole: it says what the object is. */
function fit(name: string, suffix: string): string {
  const whole = `${name}${suffix}`;
  if (whole.length <= longest) return whole;
  return `${cut(name, longest - suffix.length - hashLength - 1)}-${hash(whole)}${suffix}`;
}

function cut(text: string, length: number): string {
  return text.slice(0, length).replace(/-+$/, '');
}

function hash(text: string): string {
  return contentHash(text).slice(0, hashLength);
}
