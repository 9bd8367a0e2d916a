/**
 * What the API server refused, as a problem people can act on. What passes by itself (network, conflicts, a namespace on its way out) is none:
 * the queue tries again, or nothing is left to try for. Pure.
 */
import { isNamespaceTerminating, KubeError, type KubeObject, type Resource } from '../kube/index.ts';

export interface Problem {
  /** Of the condition table. */
  readonly reason: string;
  readonly message: string;
}

/** Someone else's object stands where ours would have to be. */
export class NameTakenError extends Error {
  constructor(resource: Resource, { metadata }: Pick<KubeObject, 'metadata'>) {
    super(`${resource.kind} ${metadata.name} exists already and belongs to ${holderOf(metadata)}, so it is left alone`);
    this.name = 'NameTakenError';
  }
}

/** Undefined: nothing to tell anybody. */
export function problemOf(error: unknown, resource: Resource, name: string): Problem | undefined {
  if (error instanceof NameTakenError) return { reason: 'NameTaken', message: error.message };
  if (!(error instanceof KubeError) || error.code !== 'KUBE_STATUS' || isNamespaceTerminating(error)) return undefined;
  const message = `${resource.kind} ${name}: ${quoted(error.message)}`;
  if (error.status === 403 && /exceeded quota|failed quota/i.test(error.message)) {
    return { reason: 'QuotaExceeded', message };
  }
  return [400, 403, 422].includes(error.status) ? { reason: 'ApplyRefused', message } : undefined;
}

const longest = 1000;

/** Words of the cluster in a message of ours: in one piece, without our client's request line, bounded. `; ` would be read as advice. */
export function quoted(text: string): string {
  const plain = text
    .replace(/^(GET|POST|PUT|PATCH|DELETE) \S+: /, '')
    .replaceAll(/\s+/g, ' ')
    .replaceAll('; ', ', ')
    .trim();
  return plain.length > longest ? `${plain.slice(0, longest)}...` : plain;
}

function holderOf({ ownerReferences = [] }: KubeObject['metadata']): string {
  const owner = ownerReferences.find((each) => each.controller === true);
  return owner === undefined ? 'nobody the operator knows' : `${owner.kind} ${owner.name}`;
}
