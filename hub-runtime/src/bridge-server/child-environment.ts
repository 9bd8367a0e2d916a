/**
 * What a child gets of the Pod's environment (EF-72: no more than it needs).
 *
 * Its own variables arrive under a prefix and lose it here. Of the rest a program in an image of the user's gets what that image sets
 * (PATH, JAVA_HOME, ...), never what is ours or the cluster's. A package in a runner image gets what finds programs and files; the runner's
 * variables hold the credentials of package mirrors.
 */
import type { BridgePodSettings } from '@quaymaster/crds';

import { maskSecrets } from '../base/index.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

type Settings = Pick<BridgePodSettings, 'childPrefix' | 'program' | 'secretVariables'>;

const runnerGives = /^(PATH|HOME|LANG|LC_[A-Z]+|TZ|TMPDIR|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|SSL_CERT_DIR)$/;
const neverGiven = /^(QM_|KUBERNETES_)/;

export function childEnvironment(env: Environment, { childPrefix, program }: Settings): Record<string, string> {
  const out: Record<string, string> = {};
  const own: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) continue;
    if (name.startsWith(childPrefix)) own[name.slice(childPrefix.length)] = value;
    // Set to nothing by whoever rendered the Pod, so that an image's cannot reach the bridge.
    else if (name === 'NODE_OPTIONS' && value === '') continue;
    else if (program.kind === 'command' ? !neverGiven.test(name) : runnerGives.test(name)) out[name] = value;
  }
  return { ...out, ...own };
}

/** What package managers get: neither the server's variables nor the bridge's own. */
export function installerEnvironment(env: Environment, { childPrefix }: Settings): Environment {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !name.startsWith(childPrefix) && !neverGiven.test(name)),
  );
}

/** Values nobody but the child may see: those of Secrets, and those whose name says so (as on a laptop). */
export function secretValues(env: Environment, { childPrefix, secretVariables = [] }: Settings): readonly string[] {
  const isSecret = (name: string): boolean =>
    secretVariables.some((one) => (one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : one === name)) ||
    maskSecrets(`${name}=x1y2z3x1y2z3`) !== `${name}=x1y2z3x1y2z3`;
  return Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && name.startsWith(childPrefix) && isSecret(name.slice(childPrefix.length)) ? [value] : [],
  );
}
